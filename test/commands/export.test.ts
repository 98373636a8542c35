// Invariants:
// - the generation named is the one exported, and the command says which and where
// - --out and --data are required, --to takes what there is, help has an example
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { generationId } from '../../src/checkpoint/generation.ts';
import { addExportCommand } from '../../src/commands/export.ts';
import { runCommand } from '../support/command-line.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { promote, snapshotAt, storeAt } from '../support/snapshots.ts';

const restill = (...argv: string[]) => runCommand(addExportCommand, 'export', ...argv);

/** Two generations, the first live. */
async function dataDirectory(): Promise<string> {
  const data = temporaryDirectory();
  const { store } = await storeAt(join(data, 'generations'));
  for (const cursor of [100, 200]) await store.publish(snapshotAt({ cursor }), promote);
  await store.setLive(generationId(1));
  return data;
}

it.each([
  ['live', 'g000001', '100'],
  ['latest', 'g000002', '200'],
  ['g000002', 'g000002', '200'],
])('exports %s', async (name, id, cursor) => {
  const data = await dataDirectory();
  const target = join(data, 'model');
  const { out, error } = await restill(name, '--to', 'hf', '--data', data, '--out', target);
  expect(error).toBeNull();
  expect(out).toMatch(/^README\.md +\d/m);
  expect(out).toContain(`generation ${id} written to ${target}\n`);
  expect(readFileSync(join(target, 'vocab.txt'), 'utf8')).toBe(`[PAD]\n${cursor}\n`);
});

it('prints the files as JSON', async () => {
  const data = await dataDirectory();
  const { out } = await restill('live', '--data', data, '--out', join(data, 'model'), '--json');
  const printed = JSON.parse(out);
  expect(printed).toMatchObject({ generation: 'g000001', directory: join(data, 'model') });
  expect(printed.files.map((file: { path: string }) => file.path)).toEqual(
    readdirSync(join(data, 'model'))
      .sort()
      .filter((name) => name !== 'SHA256SUMS'),
  );
});

it('replaces an earlier export with --force only', async () => {
  const data = await dataDirectory();
  const argv = ['live', '--data', data, '--out', join(data, 'model')];
  await restill(...argv);
  expect((await restill(...argv)).error).toMatchObject({ code: 'USAGE' });
  expect((await restill(...argv, '--force')).error).toBeNull();
  mkdirSync(join(data, 'other'));
  const elsewhere = ['live', '--data', data, '--out', join(data, 'other'), '--force'];
  expect((await restill(...elsewhere)).error).toMatchObject({ code: 'USAGE' });
});

it('refuses a format that there is not', async () => {
  const { error } = await restill('live', '--to', 'onnx', '--data', 'x', '--out', 'y');
  expect(error).toMatchObject({ code: 'commander.invalidArgument' });
});

it('help has an example', async () => {
  expect((await restill('--help')).out).toContain('restill export live --data shop --out models/shop');
});
