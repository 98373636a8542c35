// A configuration file: paths relative to it, one named error for whatever is wrong with it, both processes
// read the same.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfigFile } from '../../src/commands/config-file.ts';
import { configDigest, parseConfig } from '../../src/config.ts';

const directory = mkdtempSync(join(tmpdir(), 'restill-config-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const written = (text: string): string => {
  mkdirSync(join(directory, 'sub'), { recursive: true });
  const file = join(directory, 'sub', 'c.yaml');
  writeFileSync(file, text);
  return file;
};

describe('a configuration file', () => {
  it('is optional, and may be empty', () => {
    expect(readConfigFile(undefined).config).toEqual(parseConfig({}));
    expect(readConfigFile(written('')).config).toEqual(parseConfig({}));
  });

  it('has paths relative to itself; absolute ones stay', () => {
    const { evaluation, vocabulary } = readConfigFile(
      written(
        'evaluation: { queries: ../q.jsonl, documents: /d.jsonl.gz, judgments: j.tsv }\n' +
          'vocabulary: { path: t.json }\n',
      ),
    ).config;
    expect([evaluation.queries, evaluation.documents, evaluation.judgments, vocabulary.path]).toEqual([
      ...[join(directory, 'q.jsonl'), '/d.jsonl.gz', join(directory, 'sub', 'j.tsv')],
      join(directory, 'sub', 't.json'),
    ]);
  });

  it('so are the files of certificates and secrets', () => {
    const { kafka, teacher } = readConfigFile(
      written(
        'kafka:\n  tls: { ca: ca.pem, certificate: ../c.pem, key: { file: c.key } }\n' +
          '  sasl: { mechanism: plain, username: u, password: { file: /run/secret } }\n' +
          'teacher:\n  kind: remote\n  remote:\n    api: vllm\n    url: http://127.0.0.1:1\n' +
          '    token: { file: token }\n',
      ),
    ).config;
    const { ca, certificate, key } = kafka.tls!;
    expect([ca, certificate, key]).toEqual([
      ...[join(directory, 'sub', 'ca.pem'), join(directory, 'c.pem')],
      { file: join(directory, 'sub', 'c.key') },
    ]);
    expect(kafka.sasl!.password).toEqual({ file: '/run/secret' });
    expect(teacher.remote!.token).toEqual({ file: join(directory, 'sub', 'token') });
  });

  it('means the same to the trainer process, which gets it as JSON', () => {
    const { config, raw } = readConfigFile(
      written('seed: 7\njoin: &j { window: 5m }\nvocabulary: { path: t.json }\nholdout: { share: 0.25 }\n'),
    );
    expect(configDigest(parseConfig(JSON.parse(JSON.stringify(raw))))).toBe(configDigest(config));
  });

  it.each([
    ['bad yaml', 'seed: [1\n', /c\.yaml/],
    ['another type', '- 1\n', /top/],
    ['an unknown key', 'sead: 1\n', /sead/],
    ['a number that is none', 'seed: .nan\n', /seed/],
    ['some of the evaluation files', 'evaluation: { queries: q.jsonl }\n', /give all three or none/],
    ['too small a label table', 'labels: { kept_max: 100 }\n', /labels\.kept_max/],
  ])('with %s is one error that names it', (_, text, expected) => {
    const read = (): unknown => readConfigFile(written(text));
    expect(read).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(read).toThrow(expected);
  });

  it('that is missing is one, too', () => {
    expect(() => readConfigFile(join(directory, 'nowhere.yaml'))).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });
});
