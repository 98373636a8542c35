// `teacher.remote`: what is refused and why; that where a teacher is asked decides about no weight, but that
// it is remote does; and that docs/remote-teacher.md tells the truth.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { configDigest, parseConfig, streamsDigest } from '../src/config.ts';

const remote = { url: 'http://localhost:8000', api: 'vllm' };
const withTeacher = (teacher: object) => parseConfig({ teacher });
const withRemote = (change: object) => withTeacher({ kind: 'remote', remote: { ...remote, ...change } });

describe('teacher.remote', () => {
  test.each([
    [{ kind: 'remote' }, 'belong together'],
    [{ remote }, 'belong together'],
    [{ kind: 'remote', remote, start: 'hf:a/b' }, 'are for an embedded teacher'],
    [{ kind: 'remote', remote: { ...remote, url: 'localhost:8000' } }, 'teacher.remote.url'],
    [{ kind: 'remote', remote: { ...remote, url: 'file:///etc/passwd' } }, 'teacher.remote.url'],
    [
      { kind: 'remote', remote: { ...remote, url: `http://${'u:p'}@localhost` } },
      'no user and password in it',
    ],
    [{ kind: 'remote', remote: { ...remote, api: 'openai' } }, 'teacher.remote.api'],
    [
      { kind: 'remote', remote: { ...remote, token: 'geheim' } },
      'secrets are never written into a configuration',
    ],
    [{ kind: 'remote', remote: { ...remote, backoff_min: '1m' } }, 'backoff_min must be at most backoff_max'],
    [{ kind: 'remote', remote: { ...remote, timeout: '10m' } }, 'deadline must be longer than timeout'],
  ])('%j is refused', (teacher, message) => expect(() => withTeacher(teacher)).toThrow(message));

  test('where it is asked is not part of what a generation is bound to', () => {
    const [here, there, embedded] = [
      withRemote({}),
      withRemote({ url: 'http://127.0.0.1', batch: 7 }),
      parseConfig({}),
    ];
    expect(configDigest(here)).toBe(configDigest(there));
    expect(configDigest(here)).not.toBe(configDigest(embedded));
    expect(streamsDigest(here)).toBe(streamsDigest(embedded));
  });
});

test('the example in docs/remote-teacher.md is a configuration that fits', () => {
  const text = readFileSync(new URL('../docs/remote-teacher.md', import.meta.url), 'utf8');
  const [, yaml] = /```yaml\n([\s\S]*?)```/.exec(text)!;
  expect(parseConfig(parse(yaml!)).teacher.remote).toMatchObject({
    api: 'vllm',
    token: { env: 'GRADER_TOKEN' },
  });
});
