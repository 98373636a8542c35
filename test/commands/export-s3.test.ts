// `restill export --out s3://...` against a real server that checks signatures (see support/s3-server.ts).
// Invariants:
// - every format stands whole below the number of its generation; what is fetched again verifies
// - config.pbtxt stands beside the versions of a Triton model, and stays as it is
// - an earlier export is refused without --force, before any work is done; objects of others always
// - nothing is left on this machine's disk, whatever happens
// - address and options that do not fit are refused
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openBundle } from '../../src/checkpoint/bundle-reader.fs.ts';
import { addExportCommand } from '../../src/commands/export.ts';
import { verifyBundle } from '../../src/commands/verify-bundle.ts';
import { runCommand } from '../support/command-line.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { generationsIn } from '../support/exported.ts';
import { canRunS3, root, type S3Server, startS3 } from '../support/s3-server.ts';

const restill = (...argv: string[]) => runCommand(addExportCommand, 'export', ...argv);
const home = mkdtempSync(join(tmpdir(), 'restill-export-s3-'));
const data = join(home, 'data');

beforeAll(async () => {
  await generationsIn(data, [1, 2]);
});
afterAll(() => rmSync(home, { recursive: true }));

describe.runIf(canRunS3())('an export to a bucket', () => {
  let server: S3Server;
  let scratch = '';
  beforeAll(async () => {
    server = await startS3(['models']);
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    scratch = temporaryDirectory();
    vi.stubEnv('TMPDIR', scratch);
    vi.stubEnv('AWS_ENDPOINT_URL_S3', server.url);
    vi.stubEnv('AWS_ACCESS_KEY_ID', root.access);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', root.secret);
    vi.stubEnv('AWS_REGION', undefined);
  });
  afterEach(() => {
    expect(readdirSync(scratch)).toEqual([]);
    vi.unstubAllEnvs();
  });

  const s3 = (name: string, out: string, ...argv: string[]) =>
    restill(name, '--data', data, '--out', `s3://models/${out}`, ...argv);
  const at = (...path: string[]) => join(server.directory, 'models', ...path);

  it.each([
    ['hf', 'model.safetensors'],
    ['onnx', 'onnx/model.onnx'],
    ['triton', 'model.onnx'],
    ['tfserving', 'saved_model.pb'],
    ['opensearch', 'model.zip'],
  ])('for %s is whole, and verifies when it is fetched', async (format, model) => {
    const { out, error } = await s3('latest', `all/${format}`, '--to', format);
    expect(error).toBeNull();
    expect(out).toContain(`generation g000002 written to s3://models/all/${format}/2\n`);
    expect(existsSync(at('all', format, '2', model))).toBe(true);
    expect(readdirSync(at('all', format)).sort()).toEqual(
      format === 'triton' ? ['2', 'config.pbtxt'] : ['2'],
    );
    // The server keeps objects as files, so its folder is what fetching them would give.
    const { bundle } = await openBundle(at('all', format, '2'));
    expect(bundle).toMatchObject({ format, generation: 'g000002' });
    if (format === 'hf')
      expect(await verifyBundle(at('all', format, '2'), { python: null, tolerance: null })).toMatchObject({
        faults: [],
        scored: true,
      });
  });

  it('of a teacher stands below its number too', async () => {
    expect((await s3('g000001', 'teachers/shop', '--what', 'teacher')).error).toBeNull();
    expect(readdirSync(at('teachers', 'shop', '1'))).toContain('model.safetensors');
  });

  it('prints its files as JSON', async () => {
    const printed = JSON.parse((await s3('g000001', 'json', '--json')).out);
    expect(printed).toMatchObject({ generation: 'g000001', directory: 's3://models/json/1' });
    expect(printed.files.map(({ path }: { path: string }) => path)).toContain('golden.jsonl');
  });

  it('stands beside other versions, and leaves config.pbtxt as it is', async () => {
    await s3('g000001', 'triton', '--to', 'triton');
    writeFileSync(at('triton', 'config.pbtxt'), 'mine');
    expect((await s3('g000002', 'triton', '--to', 'triton')).error).toBeNull();
    expect(readdirSync(at('triton')).sort()).toEqual(['1', '2', 'config.pbtxt']);
    expect(readFileSync(at('triton', 'config.pbtxt'), 'utf8')).toBe('mine');
  });

  it('replaces an earlier one with --force only', async () => {
    await s3('latest', 'shop');
    writeFileSync(at('shop', '2', 'vocab.txt'), 'damaged');
    expect((await s3('latest', 'shop')).error).toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('s3://models/shop/2 holds an earlier export'),
    });
    expect((await s3('latest', 'shop', '--force')).error).toBeNull();
    expect((await openBundle(at('shop', '2'))).bundle.generation).toBe('g000002');
  });

  it('in another format is no earlier one', async () => {
    await s3('latest', 'mixed', '--to', 'onnx');
    expect((await s3('latest', 'mixed', '--to', 'hf', '--force')).error).toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('onnx/model.onnx is no file of this export'),
    });
    expect((await openBundle(at('mixed', '2'))).bundle.format).toBe('onnx');
  });

  it('leaves nothing behind when it is refused', async () => {
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wrong');
    expect((await s3('latest', 'refused')).error).toMatchObject({ code: 'BUCKET_REFUSED' });
    expect(existsSync(at('refused'))).toBe(false);
  });
});

describe('refused', () => {
  it.each([
    ['s3://', /bucket and a prefix/],
    ['s3://models', /bucket and a prefix/],
    ['s3://models/', /bucket and a prefix/],
    ['s3://Models/shop', /bucket and a prefix/],
    ['S3://models/shop', /give s3:/],
    ['s3:/models/shop', /bucket and a prefix/],
    ['s3://models/../shop', /empty or dots/],
    ['s3://models/a//b', /empty or dots/],
    ['s3://models/a b', /letters, digits/],
  ])('%s', async (out, message) => {
    const { error } = await restill(
      'latest',
      '--data',
      data,
      '--out',
      out,
      '--s3-endpoint',
      'http://127.0.0.1:9',
    );
    expect(error).toMatchObject({ code: 'USAGE', message: expect.stringMatching(message) });
  });

  it.each([
    [['--s3-endpoint', 'localhost:9000'], 'commander.invalidArgument', /http:/],
    [['--s3-endpoint', 'http://localhost:9000'], 'USAGE', /go with an object store/],
    [['--s3-region', 'eu-west-1'], 'USAGE', /go with an object store/],
  ])('%j for a directory', async (argv, code, message) => {
    const out = join(home, 'never');
    const { error } = await restill('latest', '--data', data, '--out', out, ...argv);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(existsSync(out)).toBe(false);
  });
});
