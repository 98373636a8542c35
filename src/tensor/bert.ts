// BERT as a cross-encoder: query and document go in as one sequence, one score comes out. Devlin et al. 2018,
// arXiv 1810.04805; Hugging Face's BertForSequenceClassification with one label, without dropout.
import type { BertConfig } from './model-config.ts';
import type { Ops } from './ops.ts';
import type { PackedBatch } from './packing.ts';
import { bias, gain, matrix, type ParameterSpec } from './parameters.ts';

export function bertParameters(config: BertConfig): ParameterSpec[] {
  const { hidden, intermediate } = config;
  const dense = (name: string, outputs: number, inputs: number) => [
    matrix(`${name}.weight`, outputs, inputs),
    bias(`${name}.bias`, outputs),
  ];
  const norm = (name: string) => [gain(`${name}.weight`, hidden), bias(`${name}.bias`, hidden)];
  const layers = Array.from({ length: config.layers }, (_, i) => {
    const layer = layerName(i);
    return [
      ...dense(`${layer}.attention.self.query`, hidden, hidden),
      ...dense(`${layer}.attention.self.key`, hidden, hidden),
      ...dense(`${layer}.attention.self.value`, hidden, hidden),
      ...dense(`${layer}.attention.output.dense`, hidden, hidden),
      ...norm(`${layer}.attention.output.LayerNorm`),
      ...dense(`${layer}.intermediate.dense`, intermediate, hidden),
      ...dense(`${layer}.output.dense`, hidden, intermediate),
      ...norm(`${layer}.output.LayerNorm`),
    ];
  });
  return [
    matrix('bert.embeddings.word_embeddings.weight', config.vocabulary, hidden),
    matrix('bert.embeddings.position_embeddings.weight', config.positions, hidden),
    matrix('bert.embeddings.token_type_embeddings.weight', config.segments, hidden),
    ...norm('bert.embeddings.LayerNorm'),
    ...layers.flat(),
    ...dense('bert.pooler.dense', hidden, hidden),
    ...dense('classifier', 1, hidden),
  ];
}

/** What the model is made of: an exporter needs no more than this. */
export type BertOps<T> = Pick<
  Ops<T>,
  | ('parameter' | 'embedding' | 'rows' | 'stack' | 'reshape')
  | ('add' | 'tanh' | 'gelu' | 'linear' | 'layerNorm')
  | ('toGrid' | 'toTokens' | 'splitHeads' | 'mergeHeads' | 'attention' | 'paddingBias')
>;

/** Scores in logits -> [n]. */
export function bertScores<T>(ops: BertOps<T>, config: BertConfig, batch: PackedBatch<T>): T {
  const pass = { ops, config, batch };
  let x = embeddings(pass); // [m, hidden]
  for (let i = 0; i < config.layers - 1; i++) {
    x = rest(pass, layerName(i), x, attention(pass, layerName(i), x)); // [m, hidden]
  }
  // Nothing but the classification token is read of the last layer, so nothing else is computed there.
  const last = layerName(config.layers - 1);
  const first = ops.rows(x, batch.first); // [n, hidden]
  const read = rest(pass, last, first, firstAttention(pass, last, first, x)); // [n, hidden]
  const pooled = ops.tanh(dense(ops, ['bert.pooler.dense'], read)); // [n, hidden]
  return ops.reshape(dense(ops, ['classifier'], pooled), [-1]); // [n, 1] -> [n]
}

/** The output of the last layer at every token -> [m, hidden]: what an embedding model pools. */
export function bertHidden<T>(ops: BertOps<T>, config: BertConfig, batch: PackedBatch<T>): T {
  const pass = { ops, config, batch };
  let x = embeddings(pass); // [m, hidden]
  for (let i = 0; i < config.layers; i++) {
    x = rest(pass, layerName(i), x, attention(pass, layerName(i), x)); // [m, hidden]
  }
  return x;
}

/** One run through the model. */
interface Pass<T> {
  readonly ops: BertOps<T>;
  readonly config: BertConfig;
  readonly batch: PackedBatch<T>;
}

const layerName = (i: number): string => `bert.encoder.layer.${i}`;

/** What a token is, where it stands and to which text it belongs -> [m, hidden]. */
function embeddings<T>({ ops, config, batch }: Pass<T>): T {
  const tables = 'bert.embeddings';
  const table = (name: string) => ops.parameter(`${tables}.${name}_embeddings.weight`);
  const words = ops.embedding(`${tables}.word_embeddings.weight`, batch.ids); // [m, hidden]
  const positions = ops.rows(table('position'), batch.positions);
  const segments = ops.rows(table('token_type'), batch.segments);
  return norm(ops, config, `${tables}.LayerNorm`, ops.add(words, ops.add(positions, segments)));
}

/** Every token looks at every token of its sequence: x [m, hidden] -> [m, hidden]. */
function attention<T>({ ops, config, batch }: Pass<T>, layer: string, x: T): T {
  const shape = headShape(config);
  const names = ['query', 'key', 'value'].map((name) => `${layer}.attention.self.${name}`);
  const grid = ops.toGrid(dense(ops, names, x), batch); // [m, 3 * hidden] -> [n * t, 3 * hidden]
  const parts = [shape.heads, shape.heads, shape.heads];
  const [q, k, v] = ops.splitHeads(grid, batch, parts, shape.size); // [n, heads, t, size] each
  const context = ops.attention(q!, k!, v!, ops.paddingBias(batch.mask), shape); // [n, heads, t, size]
  return ops.toTokens(ops.mergeHeads(context, shape), batch); // [n * t, hidden] -> [m, hidden]
}

/** The first token looks at every token of its sequence: first [n, hidden], x [m, hidden] -> [n, hidden]. */
function firstAttention<T>({ ops, config, batch }: Pass<T>, layer: string, first: T, x: T): T {
  const shape = headShape(config);
  const { heads, size } = shape;
  const name = `${layer}.attention.self`;
  const q = ops.reshape(dense(ops, [`${name}.query`], first), [-1, heads, 1, size]); // [n, heads, 1, size]
  const grid = ops.toGrid(dense(ops, [`${name}.key`, `${name}.value`], x), batch); // [n * t, 2 * hidden]
  const [k, v] = ops.splitHeads(grid, batch, [heads, heads], size); // [n, heads, t, size] each
  const context = ops.attention(q, k!, v!, ops.paddingBias(batch.mask), shape); // [n, heads, 1, size]
  return ops.reshape(context, [-1, config.hidden]); // [n, hidden]
}

/** What follows attention in a layer, row by row: x and its context [rows, hidden] -> [rows, hidden]. */
function rest<T>({ ops, config }: Pass<T>, layer: string, x: T, context: T): T {
  const output = dense(ops, [`${layer}.attention.output.dense`], context);
  const attended = norm(ops, config, `${layer}.attention.output.LayerNorm`, ops.add(x, output));
  const inner = ops.gelu(dense(ops, [`${layer}.intermediate.dense`], attended)); // [rows, intermediate]
  const outer = dense(ops, [`${layer}.output.dense`], inner); // [rows, hidden]
  return norm(ops, config, `${layer}.output.LayerNorm`, ops.add(attended, outer));
}

const headShape = ({ heads, hidden }: BertConfig) => ({ heads, size: hidden / heads, groups: 1 });

/** One or several layers of weights side by side, as one matrix product: [rows, in] -> [rows, sum of out]. */
function dense<T>(ops: BertOps<T>, names: readonly string[], x: T): T {
  const all = (kind: 'weight' | 'bias') => ops.stack(names.map((name) => ops.parameter(`${name}.${kind}`)));
  return ops.linear(x, all('weight'), all('bias'));
}

const norm = <T>(ops: BertOps<T>, config: BertConfig, name: string, x: T): T =>
  ops.layerNorm(x, ops.parameter(`${name}.weight`), ops.parameter(`${name}.bias`), config.epsilon);
