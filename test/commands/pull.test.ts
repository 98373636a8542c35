// Invariants:
// - the directory of the snapshot is all that goes to standard output; the cache is where the environment or
//   --cache says
// - --offline and HF_HUB_OFFLINE ask no network, and say what to pull where the cache has not got it
// - the Python library finds what was pulled, offline, under the branch and under the commit
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { addPullCommand } from '../../src/commands/pull.ts';
import { runCommand } from '../support/command-line.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { commitA, hubServer } from '../support/hub-server.ts';
import { pythonWith, runPython } from '../support/python.ts';

const files = { 'config.json': '{}', 'tokenizer.json': '{}', 'model.safetensors': 'weights' };
const pull = (...argv: string[]) => runCommand(addPullCommand, 'pull', ...argv);

afterEach(() => vi.unstubAllEnvs());

async function hubAndCache() {
  const hub = await hubServer(files);
  const cache = temporaryDirectory();
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_HUB_CACHE', cache);
  const snapshot = join(cache, 'models--org--model/snapshots', commitA);
  return { hub, cache, snapshot };
}

it('prints the directory, and again without the network', async () => {
  const { hub, snapshot } = await hubAndCache();
  expect(await pull('org/model')).toEqual({ out: `${snapshot}\n`, error: null });
  hub.requests.length = 0;
  expect((await pull('org/model', '--offline')).out).toBe(`${snapshot}\n`);
  expect((await pull(`org/model@${commitA}`, '--offline')).out).toBe(`${snapshot}\n`);
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  expect((await pull('org/model')).out).toBe(`${snapshot}\n`);
  expect(hub.requests).toEqual([]);
});

it('says what to pull', async () => {
  const { hub, cache } = await hubAndCache();
  const { out, error } = await pull('org/model@v2', '--offline');
  expect(out).toBe('');
  const message = `the cache ${cache} does not have org/model@v2 whole (it is not there); fetch it with: `;
  expect(error).toMatchObject({ code: 'MODEL_NOT_CACHED', message: `${message}restill pull org/model@v2` });
  expect(hub.requests).toEqual([]);
});

it('takes another cache', async () => {
  await hubAndCache();
  const other = temporaryDirectory();
  const { out } = await pull('org/model', '--cache', other);
  expect(out).toBe(`${join(other, 'models--org--model/snapshots', commitA)}\n`);
});

it('names a model that is none', async () => {
  expect((await pull('../model')).error).toMatchObject({ code: 'USAGE' });
  expect((await pull('--help')).out).toContain('restill pull sentence-transformers/all-MiniLM-L6-v2');
});

const python = pythonWith('huggingface_hub');
const program = `
import json, sys
from huggingface_hub import scan_cache_dir, snapshot_download, try_to_load_from_cache
cache, commit = sys.argv[1:]
where = dict(cache_dir=cache)
find = lambda revision: snapshot_download('org/model', revision=revision, local_files_only=True, **where)
report = scan_cache_dir(cache)
print(json.dumps(dict(
    branch=find('main'), commit=find(commit),
    file=try_to_load_from_cache('org/model', 'config.json', **where),
    warnings=[str(w) for w in report.warnings],
    files=sorted(f.file_name for r in report.repos for v in r.revisions for f in v.files),
    refs=[sorted(v.refs) for r in report.repos for v in r.revisions])))`;

it.runIf(python)('huggingface_hub finds it', async () => {
  const { cache, snapshot } = await hubAndCache();
  await pull('org/model');
  const env = { HF_HUB_OFFLINE: '1' };
  const found: unknown = JSON.parse(runPython(python!, ['-c', program, cache, commitA], { env }).toString());
  expect(found).toEqual({
    ...{ branch: snapshot, commit: snapshot, file: join(snapshot, 'config.json') },
    ...{ warnings: [], files: Object.keys(files).sort(), refs: [['main']] },
  });
});
