// Invariants:
// - a server that reads and scores as the student does passes, in every protocol
// - each usual mistake is named, and nothing else is; one that is accepted by name passes
// - a changed, missing or surplus file of a bundle is named; so is a tokenizer or a model that is another
// - the folder of a model with versions is no bundle, and the versions are named
// - what does not answer, answers nonsense or refuses is told apart
import { createHash } from 'node:crypto';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addExportCommand } from '../../src/commands/export.ts';
import { addVerifyCommand } from '../../src/commands/verify.ts';
import { runCommand } from '../support/command-line.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { generationsIn } from '../support/exported.ts';
import { type Mistakes, modelServer } from '../support/model-server.ts';

const restill = (...argv: string[]) => runCommand(addVerifyCommand, 'verify', ...argv);
const root = mkdtempSync(join(tmpdir(), 'restill-verify-'));
const bundle = join(root, '2');
const older = join(root, '1');
const onnx = join(root, 'onnx');
const olderOnnx = join(root, 'onnx-1');
const triton = join(root, 'triton');

beforeAll(async () => {
  const data = join(root, 'data');
  await generationsIn(data, [1, 2]);
  const write = (name: string, out: string, to: string) =>
    runCommand(addExportCommand, 'export', name, '--data', data, '--out', out, '--to', to);
  for (const [name, out, to] of [
    ['g000001', older, 'hf'],
    ['g000002', bundle, 'hf'],
    ['g000002', onnx, 'onnx'],
    ['g000001', olderOnnx, 'onnx'],
    ['g000001', triton, 'triton'],
    ['g000002', triton, 'triton'],
  ] as const)
    expect((await write(name, out, to)).error).toBeNull();
});
afterAll(() => rmSync(root, { recursive: true }));

const ask = (url: string, protocol: string, ...argv: string[]) =>
  restill(url, '--bundle', bundle, '--protocol', protocol, ...argv);

describe('a server', () => {
  it.each([['tei'], ['cohere'], ['vllm'], ['triton'], ['tfserving']])(
    'that speaks %s passes',
    async (protocol) => {
      const { out, error } = await ask(await modelServer(bundle, { version: '2' }), protocol);
      expect(error).toBeNull();
      expect(out).toContain('gives the scores of g000002');
    },
  );

  it.each<[string, Mistakes, string, string]>([
    ['tei', { segmentsZeroed: true }, 'segments-zeroed', 'segment 0'],
    ['tei', { cutsLeft: true }, 'cut-left', 'from the left'],
    ['tei', { cutsLongest: true }, 'cut-longest', 'longer text first'],
    ['vllm', { tokensMax: 16 }, 'cut-to-16', 'cuts to 16 tokens'],
    ['vllm', { swaps: true }, 'swapped', 'document for the query'],
    ['tei', { sigmoids: 1 }, 'sigmoid', 'sigmoid where raw'],
    ['vllm', { sigmoids: 2 }, 'sigmoid-twice', 'sigmoid twice'],
    ['cohere', { sigmoids: 0 }, 'no-sigmoid', 'without a sigmoid'],
    ['cohere', { sigmoids: 2 }, 'sigmoid-twice', 'sigmoid twice'],
    ['cohere', { segmentsZeroed: true }, 'segments-zeroed', 'segment 0'],
    ['tei', { segmentsZeroed: true, sigmoids: 1 }, 'segments-zeroed+sigmoid', 'and applies a sigmoid'],
    ['triton', { version: '1' }, 'wrong-version', 'version 1 instead of 2'],
    ['vllm', { unknownOnly: true }, 'unknown', 'other weights, or another tokenizer'],
  ])('of %s with the mistake %j is found out', async (protocol, mistakes, fault, says) => {
    const { out, error } = await ask(
      await modelServer(bundle, { version: '2', ...mistakes }),
      protocol,
      '--json',
    );
    expect(JSON.parse(out).faults).toEqual([fault]);
    expect(error).toMatchObject({ code: 'VERIFY_FAILED', message: expect.stringContaining(says) });
  });

  it('with another generation live is found out where that one is at hand', async () => {
    const url = await modelServer(older);
    const { error } = await ask(url, 'tei', '--also', older);
    expect(error).toMatchObject({ message: expect.stringContaining('serves generation g000001') });
    expect((await ask(url, 'tei')).error).toMatchObject({ message: expect.stringContaining('no known way') });
  });

  it('passes with a mistake that is accepted', async () => {
    const url = await modelServer(bundle, { cutsLongest: true });
    expect((await ask(url, 'tei', '--ignore', 'cut-longest')).error).toBeNull();
    expect((await ask(url, 'tei', '--ignore', 'cut-left')).error).not.toBeNull();
  });

  it.each<[string, Mistakes, string, RegExp]>([
    ['a page', { answers: { status: 200, body: '<html>' } }, 'SERVER_UNSUITED', /no JSON/],
    ['another protocol', { answers: { status: 200, body: '{"a":1}' } }, 'SERVER_UNSUITED', /protocol tei/],
    ['nothing', { answers: { status: 200, body: '[]' } }, 'SERVER_UNSUITED', /0 scores/],
    [
      'another index',
      { answers: { status: 200, body: '[{"index":9,"score":1}]' } },
      'SERVER_UNSUITED',
      /for 1/,
    ],
    ['a flood', { answers: { status: 200, body: ' '.repeat(2 ** 21) } }, 'SERVER_UNREACHABLE', /more than/],
    ['404', { answers: { status: 404, body: 'nothing here' } }, 'SERVER_UNSUITED', /404.*nothing here/],
    ['503', { answers: { status: 503, body: 'loading' } }, 'SERVER_UNREACHABLE', /503/],
    ['silence', { neverAnswers: true }, 'SERVER_UNREACHABLE', /--timeout/],
  ])('that answers with %s has no wrong model', async (_, mistakes, code, message) => {
    const { error } = await ask(await modelServer(bundle, mistakes), 'tei', '--timeout', '0.3');
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('that is not there is named', async () => {
    const { error } = await ask('http://127.0.0.1:9', 'tei');
    expect(error).toMatchObject({
      code: 'SERVER_UNREACHABLE',
      message: expect.stringContaining('127.0.0.1:9'),
    });
  });

  it('needs a bundle to be compared with', async () => {
    expect((await restill('http://127.0.0.1:9')).error).toMatchObject({ code: 'USAGE' });
  });
});

/** A copy with something done to it; sums are made anew where the content is to be what fails. */
function damaged(from: string, change: (directory: string) => void, path?: string): string {
  const copy = join(temporaryDirectory(), 'copy');
  cpSync(from, copy, { recursive: true });
  change(copy);
  if (path === undefined) return copy;
  const sums = readFileSync(join(copy, 'SHA256SUMS'), 'utf8').split('\n');
  const digest = createHash('sha256')
    .update(readFileSync(join(copy, path)))
    .digest('hex');
  const line = `${digest}  ${path}`;
  writeFileSync(
    join(copy, 'SHA256SUMS'),
    sums.map((old) => (old.endsWith(`  ${path}`) ? line : old)).join('\n'),
  );
  return copy;
}

describe('a directory', () => {
  it('passes by our own student', async () => {
    const { out, error } = await restill(bundle);
    expect(error).toBeNull();
    expect(out).toContain('gives the scores of g000002');
  });

  it('with an ONNX model passes by onnxruntime', async () => {
    const { out, error } = await restill(onnx);
    expect(error).toBeNull();
    expect(out).toContain('gives the scores of g000002');
    expect(out).toMatch(/golden logits by onnxruntime\n/);
  });

  it('with another ONNX model fails', async () => {
    const path = 'onnx/model.onnx';
    const other = (d: string) => cpSync(join(olderOnnx, path), join(d, path));
    const { error } = await restill(damaged(onnx, other, path));
    expect(error).toMatchObject({ code: 'VERIFY_FAILED', message: expect.stringContaining('no known way') });
  });

  it('of a model with versions names them', async () => {
    const { error } = await restill(triton);
    expect(error).toMatchObject({
      code: 'INPUT_UNREADABLE',
      message:
        `${triton} is the folder of a model with versions 1, 2 in it; ` +
        `name one of them, such as ${join(triton, '2')}`,
    });
    const { error: asked } = await restill('http://127.0.0.1:9', '--bundle', triton, '--protocol', 'triton');
    expect(asked).toMatchObject({ code: 'INPUT_UNREADABLE' });
    expect((await restill(join(triton, '2'))).error).toBeNull();
  });

  it.each<[string, (directory: string) => void, RegExp]>([
    ['changed', (d) => appendFileSync(join(d, 'vocab.txt'), 'x'), /vocab\.txt has changed/],
    ['missing', (d) => rmSync(join(d, 'tokenizer.json')), /tokenizer\.json is missing/],
    ['surplus', (d) => writeFileSync(join(d, 'modules.json'), '[]'), /modules\.json is not in SHA256SUMS/],
  ])('with a %s file fails', async (_, change, message) => {
    const { error } = await restill(damaged(bundle, change));
    expect(error).toMatchObject({ code: 'VERIFY_FAILED', message: expect.stringMatching(message) });
  });

  it('with another tokenizer fails', async () => {
    const path = 'tokenizer.json';
    const upper = (d: string) => {
      const text = readFileSync(join(d, path), 'utf8');
      writeFileSync(join(d, path), text.replace(/"lowercase":\s*true/, '"lowercase":false'));
    };
    const { error } = await restill(damaged(bundle, upper, path));
    expect(error).toMatchObject({ code: 'VERIFY_FAILED', message: expect.stringContaining('tokenizer') });
  });

  it('with other golden logits fails', async () => {
    const path = 'golden.jsonl';
    const other = (d: string) => writeFileSync(join(d, path), readFileSync(join(older, path)));
    const { error } = await restill(damaged(bundle, other, path));
    expect(error).toMatchObject({ code: 'VERIFY_FAILED', message: expect.stringContaining('no known way') });
  });

  it.each([
    ['that is not there', () => join(root, 'nowhere')],
    ['without golden vectors', () => damaged(bundle, (d) => rmSync(join(d, 'SHA256SUMS')))],
  ])('%s is no bundle', async (_, directory) => {
    expect((await restill(directory())).error).toMatchObject({ code: 'INPUT_UNREADABLE' });
  });
});
