// The student's encoder as it was published: a bi-encoder that compares embeddings by their cosine. MiniLM,
// e5 and the like pool by the mean over tokens, bge takes the classification token: 1_Pooling/config.json
// says which, as sentence-transformers reads it; bge-small is known by name where that file is absent.
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Document } from '../../src/contract.ts';
import { assert } from '../../src/errors.ts';
import { bertHidden, bertParameters } from '../../src/tensor/bert.ts';
import { Graph } from '../../src/tensor/graph.ts';
import type { LoadedBert } from '../../src/tensor/model-weights.ts';
import { pack, packedFeeds } from '../../src/tensor/packing.ts';
import { openSession, type Session } from '../../src/tensor/session.tf.ts';
import { addFunction } from '../../src/tensor/step.ts';
import { documentText } from '../../src/tensor/texts.ts';
import { openTokenizer } from '../../src/tensor/tokenizer.ts';
import type { StepDone } from '../../src/trainer/turn.ts';
import type { Cell } from './cells.ts';
import { byQuery, type Context, drive, judgedTexts } from './context.ts';
import { clickStream, distillable, type Text } from './fold-stream.ts';
import type { Split } from './folds.ts';
import { openStudentStart } from './models.ts';

export function runCosine(ctx: Context, split: Split): Pick<Cell, 'scores' | 'labels' | 'notes'> {
  const { config, esci, options } = ctx;
  const judged = judgedTexts(esci.queries);
  const texts = distillable(clickStream(esci, split, config, options), config);
  const wanted = [...judged, ...texts.values()];
  const embeddings = drive(ctx, 'embed', embedding(ctx, wanted.flatMap(bothSides)));
  const cosine = ({ query, document }: Text): number =>
    dot(embeddings.get(query)!, embeddings.get(documentText(document))!);
  return {
    scores: byQuery(esci.queries, judged.map(cosine)),
    labels: [...texts].map(([key, text]) => [key, cosine(text)] as const),
    notes: { pooling: poolingOf(options.student) },
  };
}

const bothSides = ({ query, document }: { query: string; document: Document }): string[] => [
  query,
  documentText(document),
];

const batch = 64;

/** Kept from fold to fold. */
const known = new Map<string, Float32Array>();

/** Embeddings of length 1. */
function* embedding(ctx: Context, texts: readonly string[]): Generator<StepDone, Map<string, Float32Array>> {
  const missing = [...new Set(texts)].filter((text) => !known.has(text));
  if (missing.length === 0) return known;
  const start = openStudentStart(ctx.options.student, ctx.config.seed);
  const session = openSession(ctx.backend, encoderGraph(start));
  try {
    session.set(start.weights, [...start.weights.keys()]);
    const encode = encoderOf(start, ctx.config.student.tokensMax);
    const sequences = missing.map((text) => ({ text, ids: encode(text) }));
    sequences.sort((a, b) => a.ids.length - b.ids.length);
    const pooling = poolingOf(ctx.options.student);
    for (let at = 0; at < sequences.length; at += batch) {
      const part = sequences.slice(at, at + batch);
      const vectors = embed(session, part, { width: start.config.hidden, pooling });
      part.forEach(({ text }, i) => void known.set(text, vectors[i]!));
      yield { done: at + part.length, of: sequences.length };
    }
  } finally {
    session.dispose();
  }
  return known;
}

function encoderGraph({ config }: LoadedBert): Graph {
  const graph = new Graph();
  addFunction(graph, {
    name: 'encode',
    parameters: bertParameters(config),
    feeds: packedFeeds('n'),
    outputs: (ops, inputs) => ({ hidden: bertHidden(ops, config, inputs) }),
  });
  return graph;
}

/** `[CLS] text [SEP]`, cut to `tokensMax`. */
function encoderOf({ tokenizer, tokenizerConfig }: LoadedBert, tokensMax: number) {
  const { encode, special } = openTokenizer(tokenizer, tokenizerConfig);
  const { classify, separate } = special;
  assert(classify !== null && separate !== null, 'the tokenizer of a BERT lacks [CLS] or [SEP]');
  return (text: string): Int32Array =>
    Int32Array.of(classify, ...encode(text).subarray(0, tokensMax - 2), separate);
}

type Pooling = 'mean' | 'first';

function poolingOf(path: string): Pooling {
  const file = join(path, '1_Pooling', 'config.json');
  if (!existsSync(file)) return basename(path).startsWith('bge') ? 'first' : 'mean';
  const pooling = JSON.parse(readFileSync(file, 'utf8')) as { pooling_mode_cls_token?: boolean };
  return pooling.pooling_mode_cls_token === true ? 'first' : 'mean';
}

function embed(
  session: Session,
  sequences: readonly { readonly ids: Int32Array }[],
  { width, pooling }: { readonly width: number; readonly pooling: Pooling },
): Float32Array[] {
  const hidden = session.run('encode', { ...pack(sequences) }).hidden!; // [m, width]
  let row = 0;
  return sequences.map(({ ids }) => {
    const rows = pooling === 'first' ? 1 : ids.length;
    const sum = new Float32Array(width);
    for (let i = 0; i < rows * width; i++) sum[i % width]! += hidden[row * width + i]!;
    row += ids.length;
    const norm = Math.sqrt(dot(sum, sum));
    return sum.map((value) => value / norm);
  });
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
