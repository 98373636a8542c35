// Other people's tools load what `restill export` writes. Invariants checked here, for a student that began
// with random weights, for one without segments, and for one that began with MiniLM (RESTILL_MODELS):
// 1. transformers finds every weight in its place and none too many, and its tokenizer gives our token ids
//    and types.
// 2. Its AutoModelForSequenceClassification gives our logits within 1e-4.
// 3. sentence-transformers' CrossEncoder gives them too: raw, without a sigmoid, and cut at our length
//    without being told; a query of more than half that length is cut too unless predict is told otherwise.
// 4. Its ONNX export gives them in onnxruntime-node.
// 5. Without segments their tokenizers give the document type 1 all the same, and it makes no difference.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addExportCommand } from '../../src/commands/export.ts';
import { openStarts } from '../../src/commands/start-models.ts';
import type { Config } from '../../src/config.ts';
import type { Tensors } from '../../src/contract.ts';
import { bertParameters } from '../../src/tensor/bert.ts';
import { bertFromHuggingFace } from '../../src/tensor/model-config.ts';
import { takeSnapshot } from '../../src/trainer/snapshot.tf.ts';
import { fromNothing } from '../../src/trainer/workshop.tf.ts';
import { runCommand } from '../support/command-line.ts';
import { realModel } from '../support/models.ts';
import { nodeLogits } from '../support/onnx-node.ts';
import { expectClose } from '../support/parity.ts';
import { pythonWith, runPython } from '../support/python.ts';
import { promote, storeAt } from '../support/snapshots.ts';
import { lively } from '../support/tensor.ts';
import { someTexts } from '../support/texts.ts';
import { type Bench, disposeBenches, openBench, streamOf, tinyConfig } from '../support/workshop.ts';

const python = pythonWith('torch', 'transformers', 'sentence_transformers');
const miniLm = realModel('minilm-l6');
const program = fileURLToPath(new URL('../golden/consumers.py', import.meta.url));

/** Queries are short: a document is cut on both sides alike, and nobody cuts a query longer than it. */
const pairs = someTexts(48, 5).map((text, i) => [
  [...text].slice(0, 8).join(''), // code points
  i % 3 === 0 ? `${text} `.repeat(9) : text,
]);

/** Queries of more than half the length: here it matters what is cut. Words that every tokenizer knows. */
const crowdedPairs = (tokensMax: number): [query: string, title: string][] =>
  [0.6, 0.8].map((share) => ['a '.repeat(share * tokensMax).trim(), 'b '.repeat(tokensMax).trim()]);

interface Exported {
  readonly directory: string;
  /** The same in ONNX. */
  readonly onnx: string;
  readonly tokensMax: number;
  readonly ids: number[][];
  readonly types: number[][];
  readonly logits: Float32Array;
  readonly crowded: Float32Array;
}

/** What transformers and sentence-transformers say: see consumers.py. */
interface Consumed {
  readonly architecture: string;
  readonly unmatched: string[];
  readonly ids: number[][];
  readonly types: number[][];
  readonly logits: number[];
  readonly predictions: number[];
  readonly crowded: number[];
  readonly crowdedByDefault: number[];
}

const withSegments = [...(python ? ['random weights'] : []), ...(python && miniLm ? ['MiniLM'] : [])];
const without = 'no segments';
const kinds = [...withSegments, ...(python ? [without] : [])];
const exported = new Map<string, Exported>();
const consumed = new Map<string, Consumed>();
const root = mkdtempSync(join(tmpdir(), 'restill-consumers-'));

async function exportStudent(
  name: string,
  config: Config,
  weightsOf: (bench: Bench) => Tensors,
): Promise<Exported> {
  const data = join(root, name);
  const starts = config.student.start === null ? fromNothing : openStarts(config, true);
  const bench = await openBench({ groups: streamOf(10), config, starts });
  bench.shop.student.restore({ weights: weightsOf(bench), moments: new Map() });
  const about = { scheduled: true, configDigest: 'c'.repeat(64), starts: { student: null, teacher: null } };
  const { store } = await storeAt(join(data, 'generations'));
  await store.publish(takeSnapshot(bench.shop, bench.fixed, about), promote);
  const directory = join(data, 'model');
  const onnx = join(data, 'onnx');
  for (const [format, out] of Object.entries({ hf: directory, onnx })) {
    const argv = ['latest', '--data', data, '--to', format, '--out', out];
    expect((await runCommand(addExportCommand, 'export', ...argv)).error).toBeNull();
  }
  const encoded = pairs.map(([query, title]) =>
    bench.shop.encoders.studentPair(query!, { title: title!, summary: '' }),
  );
  return {
    directory,
    onnx,
    tokensMax: config.student.tokensMax,
    ids: encoded.map(({ ids }) => [...ids]),
    types: encoded.map(({ segments }) => [...segments]),
    logits: bench.shop.student.score(encoded),
    crowded: bench.shop.student.score(
      crowdedPairs(config.student.tokensMax).map(([query, title]) =>
        bench.shop.encoders.studentPair(query, { title, summary: '' }),
      ),
    ),
  };
}

/** Weights that make a difference: what a student starts from gives logits near 0. */
function livelyStudent({ fixed }: Bench): Tensors {
  const file = fixed.find(({ path }) => path === 'student/config.json')!;
  return withHead(
    lively(bertParameters(bertFromHuggingFace(JSON.parse(Buffer.from(file.bytes).toString()))), 3),
  );
}

const published = ({ studentAtStart }: Bench): Tensors => withHead(studentAtStart.weights);

const withHead = (weights: Tensors): Tensors =>
  new Map(
    [...weights].map(([name, { shape, data }]) => [
      name,
      { shape, data: name === 'classifier.weight' ? data.map((_, k) => Math.sin(k + 1)) : data },
    ]),
  );

beforeAll(async () => {
  if (kinds.includes('random weights'))
    exported.set(
      'random weights',
      await exportStudent('random', tinyConfig({ student: { tokens_max: 64 } }), livelyStudent),
    );
  if (kinds.includes(without)) {
    const config = tinyConfig({ student: { tokens_max: 64, segments: 'none' } });
    exported.set(without, await exportStudent('without', config, livelyStudent));
  }
  if (kinds.includes('MiniLM')) {
    const student = { start: miniLm, layers: 6, hidden: 384, heads: 12, intermediate: 1536, tokens_max: 128 };
    exported.set('MiniLM', await exportStudent('minilm', tinyConfig({ student }), published));
  }
  if (python === null) return;
  const wanted = [...exported.values()].map(({ directory, tokensMax }) => ({
    directory,
    pairs,
    crowded: crowdedPairs(tokensMax),
    tokensMax,
  }));
  const answers = JSON.parse(
    runPython(python, [program], { input: JSON.stringify(wanted) }).toString(),
  ) as Consumed[];
  for (const [i, name] of [...exported.keys()].entries()) consumed.set(name, answers[i]!);
}, 600_000);

afterAll(() => {
  disposeBenches();
  rmSync(root, { recursive: true, force: true });
});

describe.runIf(python)('an exported student', () => {
  const both = (name: string) => ({ ours: exported.get(name)!, theirs: consumed.get(name)! });

  it.each(withSegments)('that began with %s is read with our token types (1)', (name) => {
    const { ours, theirs } = both(name);
    expect(theirs.types).toEqual(ours.types);
  });

  it('is read with types that a student without segments never saw (5)', () => {
    const { ours, theirs } = both(without);
    expect(Math.max(...ours.types.flat())).toBe(0);
    expect(theirs.types.every((types) => types.at(-1) === 1)).toBe(true);
  });

  it.each(kinds)('that began with %s is found whole, with our token ids (1)', (name) => {
    const { ours, theirs } = both(name);
    expect([theirs.architecture, theirs.unmatched]).toEqual(['BertForSequenceClassification', []]);
    expect(theirs.ids).toEqual(ours.ids);
    expect(Math.max(...ours.ids.map(({ length }) => length))).toBe(ours.tokensMax);
  });

  it.each(kinds)('that began with %s has our logits in transformers (2, 5)', (name) => {
    const { ours, theirs } = both(name);
    expectClose('logits', ours.logits, theirs.logits);
    const spread = Math.max(...ours.logits) - Math.min(...ours.logits);
    expect(spread).toBeGreaterThan(0.5);
  });

  it.each(kinds)('that began with %s has our logits in onnxruntime-node (4)', async (name) => {
    const { ours } = both(name);
    const sequences = ours.ids.map((ids, i) => ({ ids, segments: ours.types[i]! }));
    const theirs = await nodeLogits(join(ours.onnx, 'onnx', 'model.onnx'), [sequences]);
    expectClose('logits', ours.logits, theirs);
  });

  it.each(kinds)('that began with %s has our logits in sentence-transformers, raw (3)', (name) => {
    const { ours, theirs } = both(name);
    expectClose('predictions', ours.logits, theirs.predictions);
    // A sigmoid would put all of them there.
    expect(theirs.predictions.some((score) => score < 0 || score > 1)).toBe(true);
  });

  it.each(kinds)('that began with %s keeps long queries where the model card is followed (3)', (name) => {
    const { ours, theirs } = both(name);
    expectClose('crowded', ours.crowded, theirs.crowded);
    const gaps = theirs.crowdedByDefault.map((score, i) => Math.abs(score - ours.crowded[i]!));
    expect(Math.max(...gaps)).toBeGreaterThan(1e-3);
  });
});
