// Models of the Hugging Face cache as starts. Invariants checked here:
// - hf:ORG/NAME[@REV] is the snapshot that the cache has, found without the network; what the cache has not
//   got whole is named with the command that fetches it
// - the configuration's digest says that there is a start, and not where it lies
import { readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { readConfigFile } from '../../src/commands/config-file.ts';
import { addPullCommand } from '../../src/commands/pull.ts';
import { configDigest, parseConfig } from '../../src/config.ts';
import { runCommand } from '../support/command-line.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { goldenPath } from '../support/golden.ts';
import { commitA, hubServer } from '../support/hub-server.ts';

afterEach(() => vi.unstubAllEnvs());

const tinyBert = () => {
  const names = readdirSync(goldenPath('tiny/bert-bare'));
  return Object.fromEntries(names.map((name) => [name, readFileSync(goldenPath(`tiny/bert-bare/${name}`))]));
};

/** A cache that has org/model, and how a configuration with a student reads. */
async function pulled() {
  const cache = temporaryDirectory();
  const hub = await hubServer(tinyBert());
  vi.stubEnv('HF_HUB_CACHE', cache);
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  expect((await runCommand(addPullCommand, 'pull', 'org/model')).error).toBeNull();
  vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:1');
  const file = join(temporaryDirectory(), 'config.yaml');
  const configWith = (start: string) => {
    writeFileSync(file, JSON.stringify({ student: { start, tokens_max: 24 } }));
    return readConfigFile(file).config;
  };
  return { snapshot: join(cache, 'models--org--model/snapshots', commitA), configWith };
}

it('are found in the cache', async () => {
  const { snapshot, configWith } = await pulled();
  expect(configWith('hf:org/model').student).toMatchObject({ start: snapshot, layers: 3, hidden: 16 });
  expect(configWith(`hf:org/model@${commitA}`).student.start).toBe(snapshot);
});

it('that the cache has not got whole are named with what to do', async () => {
  const { snapshot, configWith } = await pulled();
  const failure = (start: string) => {
    try {
      return configWith(start);
    } catch (error) {
      return error;
    }
  };
  const missing = { code: 'MODEL_NOT_CACHED', message: expect.stringMatching(/restill pull org\/other@v2$/) };
  expect(failure('hf:org/other@v2')).toMatchObject(missing);
  expect(failure('hf:../model')).toMatchObject({ code: 'USAGE' });
  // The blobs; the links stay. A model could do without the names of its tokens, and would read other ones.
  for (const name of ['tokenizer_config.json', 'model.safetensors']) {
    rmSync(realpathSync(join(snapshot, name)));
    expect(failure('hf:org/model')).toMatchObject({
      code: 'MODEL_NOT_CACHED',
      message: expect.stringMatching(new RegExp(`${name}.* is gone.*restill pull org/model$`)),
    });
  }
});

it('have an absolute path, which a generation keeps, in a cache that is given by another', async () => {
  const { snapshot, configWith } = await pulled();
  const cache = join(snapshot, '../../..');
  vi.stubEnv('HF_HUB_CACHE', relative(process.cwd(), cache));
  expect(configWith('hf:org/model').student.start).toBe(snapshot);
});

it('decide about the digest by being there', () => {
  const digest = (start: string | null) =>
    configDigest(parseConfig({ student: { start }, teacher: { start } }));
  expect(digest('/a')).toBe(digest('/b'));
  expect(digest('/a')).not.toBe(digest(null));
  expect(configDigest(parseConfig({ student: { start: '/a' } }))).not.toBe(digest('/a'));
});
