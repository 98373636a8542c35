// The invariants of src/hub/pull.ts, against a hub over HTTP and a cache on disk:
// 1. A snapshot holds a file only whole and checked; a revision points to a snapshot only when all are there.
// 2. What was received is not asked for again, in this pull or the next one.
// 3. All files are of one commit.
// And: 4. Only what a model needs is fetched. 5. The token goes to the hub and nowhere else, large files'
// origin included. 6. What a hostile or broken hub says is refused by name, and nothing leaves the cache.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openHub } from '../../src/hub/hub.http.ts';
import { openModelCache } from '../../src/hub/model-cache.fs.ts';
import { pullModel } from '../../src/hub/pull.ts';
import { parseReference } from '../../src/hub/reference.ts';
import { findSnapshot } from '../../src/hub/snapshot.fs.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { blobOf, commitA, commitB, type HubServer, hubServer } from '../support/hub-server.ts';

const weights = Buffer.from(Array.from({ length: 50_000 }, (_, i) => i % 251));
const plain = {
  'config.json': '{"model_type":"bert"}',
  'tokenizer.json': '{"model":{}}',
  'tokenizer_config.json': '{}',
  'model.safetensors': weights,
  'pytorch_model.bin': 'not wanted',
  'onnx/model.onnx': 'not wanted',
};
const index = (...shards: string[]): string =>
  JSON.stringify({ weight_map: Object.fromEntries(shards.map((name, i) => [`tensor${i}`, name])) });
const sharded = {
  'config.json': '{}',
  'tokenizer.json': '{}',
  'model.safetensors.index.json': index('b.safetensors', 'a.safetensors', 'b.safetensors'),
  'a.safetensors': weights.subarray(0, 9),
  'b.safetensors': weights.subarray(9),
};

function setUp(hub: HubServer, o: { token?: string; model?: string } = {}) {
  const cache = temporaryDirectory();
  const reference = parseReference(o.model ?? 'org/model');
  const folder = join(cache, `models--${reference.repository.replace('/', '--')}`);
  const progress: string[] = [];
  const pull = (): Promise<string> =>
    pullModel({
      reference,
      hub: openHub({ endpoint: hub.endpoint, token: o.token ?? null }),
      cache: openModelCache(cache, reference),
      onProgress: ({ file, done, of }) => {
        progress.push(`${file} ${done}/${of}`);
        if (file === hub.breaks?.file) hub.received(done);
      },
    });
  return { cache, folder, reference, pull, progress };
}

const gets = (hub: HubServer): string[] =>
  hub.requests
    .filter(({ method }) => method === 'GET')
    .map(({ url, range }) => (range ? `${url} ${range}` : url));

it('makes the layout of the Hugging Face cache (1, 4)', async () => {
  const { folder, cache, reference, pull, progress } = setUp(await hubServer(plain));
  const directory = await pull();
  expect(directory).toBe(join(folder, 'snapshots', commitA));
  const wanted = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'] as const;
  expect(readdirSync(directory).sort()).toEqual(wanted);
  for (const name of wanted) {
    expect(readlinkSync(join(directory, name))).toBe(`../../blobs/${blobOf(name, plain[name])}`);
    expect(readFileSync(join(directory, name)).equals(Buffer.from(plain[name]))).toBe(true);
  }
  expect(readdirSync(join(folder, 'blobs'))).toHaveLength(4);
  expect(readFileSync(join(folder, 'refs/main'), 'utf8')).toBe(commitA);
  expect(readdirSync(join(folder, 'refs'))).toEqual(['main']);
  expect(progress.at(-1)).toBe('model.safetensors 50000/50000');
  expect(findSnapshot(cache, reference)).toBe(directory);
});

it('fetches what an index names, once each (4)', async () => {
  const hub = await hubServer(sharded);
  const { cache, reference, pull } = setUp(hub);
  const directory = await pull();
  expect(readdirSync(directory).sort()).toEqual(Object.keys(sharded).sort());
  const large = hub.requests.filter((request) => request.large);
  expect(large.map(({ url }) => url)).toEqual(['/a.safetensors', '/b.safetensors']);
  expect(findSnapshot(cache, reference)).toBe(directory);
  rmSync(join(directory, 'a.safetensors'));
  expect(() => findSnapshot(cache, reference)).toThrow('names a.safetensors, which is not there');
});

it('asks for nothing twice (2), and moves a branch on without fetching what stayed (3)', async () => {
  const hub = await hubServer(plain);
  const { folder, pull } = setUp(hub);
  const first = await pull();
  hub.requests.length = 0;
  expect(await pull()).toBe(first);
  expect(hub.requests.map(({ url }) => url)).toEqual(['/api/models/org/model/revision/main']);
  hub.commit = commitB;
  hub.files = { ...plain, 'config.json': '{"model_type":"bert","new":1}' };
  hub.requests.length = 0;
  const second = await pull();
  expect(second).toBe(join(folder, 'snapshots', commitB));
  expect(gets(hub)).toEqual([
    '/api/models/org/model/revision/main',
    `/org/model/resolve/${commitB}/config.json`,
  ]);
  expect(readFileSync(join(folder, 'refs/main'), 'utf8')).toBe(commitB);
  expect(readFileSync(join(first, 'config.json'), 'utf8')).toBe(plain['config.json']);
});

it('goes on where a connection broke, with Range (2)', async () => {
  const hub = await hubServer(plain);
  hub.breaks = { file: 'model.safetensors', at: [20_000, 25_000] };
  const { pull } = setUp(hub);
  const directory = await pull();
  expect(readFileSync(join(directory, 'model.safetensors')).equals(weights)).toBe(true);
  const ranges = hub.requests.filter(({ large }) => large).map(({ range }) => range);
  expect(ranges).toEqual([undefined, 'bytes=20000-', 'bytes=25000-']);
});

it('a later pull goes on as well, and until then nothing points to it (1, 2)', async () => {
  const hub = await hubServer(plain);
  hub.breaks = { file: 'model.safetensors', at: [30_000, 30_000, 30_000, 30_000] };
  const { cache, folder, reference, pull } = setUp(hub);
  await expect(pull()).rejects.toMatchObject({ code: 'HUB_UNREACHABLE' });
  expect(existsSync(join(folder, 'refs/main'))).toBe(false);
  expect(existsSync(join(folder, 'snapshots', commitA, 'model.safetensors'))).toBe(false);
  expect(() => findSnapshot(cache, reference)).toThrow(expect.objectContaining({ code: 'MODEL_NOT_CACHED' }));
  const commit = { ...reference, revision: commitA };
  expect(() => findSnapshot(cache, commit)).toThrow('has no model.safetensors');
  hub.requests.length = 0;
  const directory = await pull();
  expect(gets(hub).filter((url) => url.startsWith('/model'))).toEqual(['/model.safetensors bytes=30000-']);
  expect(readFileSync(join(directory, 'model.safetensors')).equals(weights)).toBe(true);
});

it('starts a file again where the hub knows no Range', async () => {
  const hub = await hubServer(plain);
  hub.ignoresRange = true;
  hub.breaks = { file: 'model.safetensors', at: [20_000] };
  const directory = await setUp(hub).pull();
  expect(readFileSync(join(directory, 'model.safetensors')).equals(weights)).toBe(true);
});

it('gives up where breaking connections bring nothing new', async () => {
  const hub = await hubServer(plain);
  hub.ignoresRange = true;
  hub.breaks = { file: 'model.safetensors', at: Array(9).fill(20_000) };
  await expect(setUp(hub).pull()).rejects.toMatchObject({ code: 'HUB_UNREACHABLE' });
});

it.each([
  ['of a small file', 'config.json', 40],
  ['of a large one', 'model.safetensors', 64],
])('throws away what has not the hash %s (1)', async (_, file, length) => {
  const hub = await hubServer(plain);
  hub.disguise = (headers) => {
    const name = headers['x-linked-etag'] ? 'x-linked-etag' : 'etag';
    const isIt = headers[name] === `"${blobOf(file, plain[file as keyof typeof plain])}"`;
    return isIt ? { ...headers, [name]: `"${'0'.repeat(length)}"` } : headers;
  };
  const { folder, pull } = setUp(hub);
  const failure = expect.objectContaining({ code: 'MODEL_DAMAGED', message: expect.stringContaining(file) });
  await expect(pull()).rejects.toEqual(failure);
  expect(readdirSync(join(folder, 'blobs')).filter((name) => name.startsWith('000'))).toEqual([]);
  expect(existsSync(join(folder, 'refs/main'))).toBe(false);
});

it('refuses a file that is longer than it was said to be', async () => {
  const hub = await hubServer(plain);
  hub.disguise = (h) => (h['x-linked-size'] ? { ...h, 'x-linked-size': '100' } : h);
  await expect(setUp(hub).pull()).rejects.toThrow('sends more of model.safetensors than the 100 bytes');
});

it('learns about a large file from the hub, wherever it lies', async () => {
  const hub = await hubServer(plain);
  const described = () => hub.requests.filter(({ method }) => method === 'HEAD').map(({ url }) => url);
  hub.disguise = (h) => (h.location ? { ...h, location: '/here/model.safetensors' } : h);
  const directory = await setUp(hub).pull();
  expect(readFileSync(join(directory, 'model.safetensors')).equals(weights)).toBe(true);
  expect(described().filter((url) => url.startsWith('/here'))).toEqual([]);
  hub.disguise = ({ 'x-linked-etag': _, ...rest }) => rest;
  await setUp(hub).pull();
  expect(hub.requests.filter(({ large, method }) => large && method === 'HEAD')).toEqual([]);
});

it('checks the size where the ETag is no hash', async () => {
  const hub = await hubServer(plain);
  hub.disguise = (h) => (h['x-linked-etag'] ? { ...h, 'x-linked-etag': '"of-a-mirror"' } : h);
  const { folder, pull } = setUp(hub);
  mkdirSync(join(folder, 'blobs'), { recursive: true });
  writeFileSync(join(folder, 'blobs/of-a-mirror.incomplete'), Buffer.concat([weights, weights]));
  await expect(pull()).rejects.toMatchObject({ code: 'MODEL_DAMAGED', message: /100000 of 50000 bytes/ });
  expect(readFileSync(join(await pull(), 'model.safetensors')).equals(weights)).toBe(true);
});

it('takes an empty file', async () => {
  const hub = await hubServer({ ...plain, 'special_tokens_map.json': '' });
  expect(readFileSync(join(await setUp(hub).pull(), 'special_tokens_map.json'), 'utf8')).toBe('');
});

it('sends the token to the hub alone (5)', async () => {
  const hub = await hubServer(plain);
  await setUp(hub, { token: 'secret' }).pull();
  const told = (large: boolean) =>
    new Set(hub.requests.filter((r) => r.large === large).map(({ authorization }) => authorization));
  expect(told(false)).toEqual(new Set(['Bearer secret']));
  expect(told(true)).toEqual(new Set([undefined]));
  // Sizes and ranges are those of the file.
  expect(new Set(hub.requests.map(({ encoding }) => encoding))).toEqual(new Set(['identity']));
});

it('follows a renamed repository, a branch with slashes, a commit', async () => {
  const hub = await hubServer(plain);
  const renamed = setUp(hub, { model: 'old/name' });
  expect(await renamed.pull()).toBe(join(renamed.folder, 'snapshots', commitA));
  const branch = setUp(hub, { model: 'org/model@refs/pr/1' });
  await branch.pull();
  expect(readFileSync(join(branch.folder, 'refs/refs/pr/1'), 'utf8')).toBe(commitA);
  const commit = setUp(hub, { model: `org/model@${commitA}` });
  const directory = await commit.pull();
  expect(findSnapshot(commit.cache, commit.reference)).toBe(directory);
  expect(existsSync(join(commit.folder, 'refs'))).toBe(false);
});

const refusals: [string, { status: number; code?: string }, string, string][] = [
  ['a gated model', { status: 403, code: 'GatedRepo' }, 'HUB_REFUSED', 'set HF_TOKEN'],
  ['a private one', { status: 401 }, 'HUB_REFUSED', 'set HF_TOKEN'],
  ['no model', { status: 404 }, 'HUB_REFUSED', 'the hub has no such model or file: org/model'],
  ['no revision', { status: 404, code: 'RevisionNotFound' }, 'HUB_REFUSED', 'no such revision'],
  ['another refusal', { status: 418 }, 'HUB_REFUSED', 'answers 418'],
  ['too many requests', { status: 429 }, 'HUB_UNREACHABLE', 'answers 429'],
  ['a failure', { status: 503 }, 'HUB_UNREACHABLE', 'answers 503'],
];
it.each(refusals)('says what to do about %s (6)', async (_, refuses, code, message) => {
  const hub = await hubServer(plain);
  hub.refuses = refuses;
  const error = await setUp(hub, { token: 'hf_secret' })
    .pull()
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
  expect(String((error as Error).stack)).not.toContain('hf_secret');
});

it('says that there is no network (6)', async () => {
  const hub = await hubServer(plain);
  const { pull } = setUp({ ...hub, endpoint: 'http://127.0.0.1:1' });
  await expect(pull()).rejects.toMatchObject({
    code: 'HUB_UNREACHABLE',
    message: /127\.0\.0\.1:1 cannot be reached/,
  });
});

const hostile: [string, Partial<HubServer>, string, string][] = [
  [
    'no index of shards',
    { files: { ...sharded, 'model.safetensors.index.json': '[]' } },
    'MODEL_DAMAGED',
    'weight_map',
  ],
  [
    'a shard out of the cache',
    { files: { ...sharded, 'model.safetensors.index.json': index('../../../x.safetensors') } },
    'MODEL_DAMAGED',
    'no safetensors file beside it',
  ],
  [
    'a hidden shard',
    { files: { ...sharded, 'model.safetensors.index.json': index('..safetensors'), '..safetensors': 'x' } },
    'HUB_REFUSED',
    'a name that could leave the cache',
  ],
  [
    'a shard that is not there',
    { files: { ...sharded, 'model.safetensors.index.json': index('c.safetensors') } },
    'MODEL_DAMAGED',
    'names c.safetensors, which is not there',
  ],
  [
    'an ETag that is a path',
    { disguise: (h) => ({ ...h, etag: '"../../../x"' }) },
    'HUB_REFUSED',
    'names no content',
  ],
  [
    'another commit',
    { disguise: (h) => ({ ...h, 'x-repo-commit': commitB }) },
    'HUB_REFUSED',
    `commit ${commitB}`,
  ],
  ['a commit that is a path', { commit: '../../x' }, 'HUB_REFUSED', 'expected a commit'],
  ['no size', { disguise: ({ 'content-length': _, ...rest }) => rest }, 'HUB_REFUSED', 'the size'],
  [
    'more than any disk',
    { disguise: (h) => ({ ...h, 'x-linked-size': `${1e15 - 1}` }) },
    'STORE_WRITE_FAILED',
    'bytes more, and the disk',
  ],
  [
    'no weights',
    { files: { 'config.json': '', 'tokenizer.json': '', 'pytorch_model.bin': '' } },
    'MODEL_UNSUPPORTED',
    'it has no model.safetensors',
  ],
  [
    'no tokenizer',
    { files: { 'config.json': '', 'model.safetensors': '' } },
    'MODEL_UNSUPPORTED',
    'org/model cannot be used: it has no tokenizer.json',
  ],
];
it.each(hostile)('refuses %s (6)', async (_, changes, code, message) => {
  const hub = Object.assign(await hubServer(plain), changes);
  const { cache, folder, pull } = setUp(hub);
  await expect(pull()).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  expect(existsSync(join(folder, 'refs/main'))).toBe(false);
  expect(readdirSync(join(cache, '..')).filter((name) => name.includes('x.safetensors'))).toEqual([]);
});

it('says that the disk is full, and goes on when there is room', async () => {
  const hub = await hubServer(plain);
  const { folder, pull } = setUp(hub);
  const partial = join(folder, 'blobs', `${blobOf('model.safetensors', weights)}.incomplete`);
  mkdirSync(join(folder, 'blobs'), { recursive: true });
  symlinkSync('/dev/full', partial);
  await expect(pull()).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED', message: /ENOSPC.*make room/s });
  expect(lstatSync(partial).isSymbolicLink()).toBe(true);
});

it('a damaged partial file is noticed', async () => {
  const hub = await hubServer(plain);
  const { folder, pull } = setUp(hub);
  const partial = join(folder, 'blobs', `${blobOf('model.safetensors', weights)}.incomplete`);
  mkdirSync(join(folder, 'blobs'), { recursive: true });
  writeFileSync(partial, 'something else');
  await expect(pull()).rejects.toMatchObject({ code: 'MODEL_DAMAGED' });
  expect(existsSync(partial)).toBe(false);
  await pull();
});
