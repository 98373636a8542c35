// A decoder of the Llama family: Touvron et al. 2023, arXiv 2307.09288, as Hugging Face's LlamaForCausalLM
// and Qwen2ForCausalLM, with the score head of LlamaForSequenceClassification.
import { type Adapter, adapted } from './lora.ts';
import type { LlamaConfig } from './model-config.ts';
import type { Ops } from './ops.ts';
import type { OutputTokens, PackedBatch } from './packing.ts';
import { bias, gain, matrix, type ParameterSpec } from './parameters.ts';
import { rotaryTables } from './rope.ts';

export function llamaParameters(config: LlamaConfig): ParameterSpec[] {
  const { hidden, intermediate, headSize } = config;
  const layers = Array.from({ length: config.layers }, (_, i) => {
    const attention = `${layerName(i)}.self_attn`;
    const project = (name: string, heads: number) => [
      matrix(`${attention}.${name}.weight`, heads * headSize, hidden),
      ...(config.attentionBias ? [bias(`${attention}.${name}.bias`, heads * headSize)] : []),
    ];
    return [
      gain(`${layerName(i)}.input_layernorm.weight`, hidden),
      ...project('q_proj', config.heads),
      ...project('k_proj', config.keyValueHeads),
      ...project('v_proj', config.keyValueHeads),
      matrix(`${attention}.o_proj.weight`, hidden, config.heads * headSize),
      gain(`${layerName(i)}.post_attention_layernorm.weight`, hidden),
      matrix(`${layerName(i)}.mlp.gate_proj.weight`, intermediate, hidden),
      matrix(`${layerName(i)}.mlp.up_proj.weight`, intermediate, hidden),
      matrix(`${layerName(i)}.mlp.down_proj.weight`, hidden, intermediate),
    ];
  });
  return [
    matrix('model.embed_tokens.weight', config.vocabulary, hidden),
    ...layers.flat(),
    gain('model.norm.weight', hidden),
    ...(config.tied ? [] : [matrix('lm_head.weight', config.vocabulary, hidden)]),
    matrix('score.weight', 1, hidden),
  ];
}

/** Scores in logits, read at the last token, the only one that has seen all others -> [n]. */
export function llamaScores<T>(
  ops: Ops<T>,
  config: LlamaConfig,
  batch: PackedBatch<T>,
  adapter: Adapter | null = null,
): T {
  const pass = begin(ops, config, batch, adapter);
  let x = embeddings(pass); // [m, hidden]
  for (let i = 0; i < config.layers - 1; i++) x = wholeLayer(pass, layerName(i), x); // [m, hidden]
  const layer = layerName(config.layers - 1);
  const last = rest(pass, layer, ops.rows(x, batch.last), lastAttention(pass, layer, x)); // [n, hidden]
  const scores = ops.linear(finalNorm(pass, last), ops.parameter('score.weight'), null); // [n, 1]
  return ops.reshape(scores, [-1]);
}

/** The output of the last layer at every token, normed -> [m, hidden]. */
export function llamaHidden<T>(
  ops: Ops<T>,
  config: LlamaConfig,
  batch: PackedBatch<T>,
  adapter: Adapter | null = null,
): T {
  const pass = begin(ops, config, batch, adapter);
  let x = embeddings(pass); // [m, hidden]
  for (let i = 0; i < config.layers; i++) x = wholeLayer(pass, layerName(i), x); // [m, hidden]
  return finalNorm(pass, x);
}

/**
 * Mean cross-entropy of the output tokens, each predicted from all before it -> scalar, in nats.
 *
 * The prompt carries no loss, and logits, the largest tensor by far, are computed for `outputs.rows` alone.
 */
export function llamaCrossEntropy<T>(
  ops: Ops<T>,
  config: LlamaConfig,
  batch: PackedBatch<T>,
  outputs: OutputTokens<T>,
  adapter: Adapter | null = null,
): T {
  const x = ops.rows(llamaHidden(ops, config, batch, adapter), outputs.rows); // [k, hidden]
  const table = ops.parameter(config.tied ? 'model.embed_tokens.weight' : 'lm_head.weight');
  return ops.crossEntropy(ops.linear(x, table, null), outputs.targets); // [k, vocabulary] -> scalar
}

/** One run through the model. */
interface Pass<T> {
  readonly ops: Ops<T>;
  readonly config: LlamaConfig;
  readonly batch: PackedBatch<T>;
  readonly adapter: Adapter | null;
  /** How far the heads of every token turn, [n, 1, t, headSize]. */
  readonly angles: Angles<T>;
  /** The same for the last tokens, [n, 1, 1, headSize]. */
  readonly lastAngles: Angles<T>;
}

interface Angles<T> {
  readonly cos: T;
  readonly sin: T;
}

function begin<T>(ops: Ops<T>, config: LlamaConfig, batch: PackedBatch<T>, adapter: Adapter | null): Pass<T> {
  const size = config.headSize;
  const tables = rotaryTables(config);
  const at = (table: Float32Array) =>
    ops.rows(ops.constant(table, [config.positions, size]), batch.positions);
  const cos = at(tables.cos); // [m, headSize]
  const sin = at(tables.sin);
  const onGrid = (x: T) => ops.splitHeads(ops.toGrid(x, batch), batch, [1], size)[0]!; // [n, 1, t, headSize]
  const ofLast = (x: T) => ops.reshape(ops.rows(x, batch.last), [-1, 1, 1, size]); // [n, 1, 1, headSize]
  return {
    ops,
    config,
    batch,
    adapter,
    angles: { cos: onGrid(cos), sin: onGrid(sin) },
    lastAngles: { cos: ofLast(cos), sin: ofLast(sin) },
  };
}

const layerName = (i: number): string => `model.layers.${i}`;

/** [m, hidden] */
const embeddings = <T>({ ops, batch }: Pass<T>): T =>
  ops.rows(ops.parameter('model.embed_tokens.weight'), batch.ids);

/** [m, hidden] -> [m, hidden] */
const wholeLayer = <T>(pass: Pass<T>, layer: string, x: T): T =>
  pass.ops.segment(x, (input) => rest(pass, layer, input, attention(pass, layer, input)));

/** Every token looks at itself and the tokens before it: x [m, hidden] -> [m, hidden]. */
function attention<T>(pass: Pass<T>, layer: string, x: T): T {
  const { ops, config, batch, angles } = pass;
  const { heads, keyValueHeads, headSize } = config;
  const normed = norm(pass, `${layer}.input_layernorm`, x);
  const projected = project(pass, layer, ['q_proj', 'k_proj', 'v_proj'], normed); // [m, all heads * headSize]
  const grid = ops.toGrid(projected, batch); // [n * t, all heads * headSize]
  const parts = [heads, keyValueHeads, keyValueHeads];
  const [q, k, v] = ops.splitHeads(grid, batch, parts, headSize); // [n, part, t, headSize] each
  const queries = ops.rotate(q!, angles.cos, angles.sin);
  const keys = ops.rotate(k!, angles.cos, angles.sin);
  const shape = headShape(config);
  const bias = ops.causalBias(batch.mask);
  const context = ops.attention(queries, keys, v!, bias, shape); // [n, heads, t, headSize]
  const rows = ops.toTokens(ops.mergeHeads(context, shape), batch); // [m, heads * headSize]
  return dense(pass, [`${layer}.self_attn.o_proj`], rows);
}

/** The last token looks at every token of its sequence: x [m, hidden] -> [n, hidden]. */
function lastAttention<T>(pass: Pass<T>, layer: string, x: T): T {
  const { ops, config, batch, angles, lastAngles } = pass;
  const { heads, keyValueHeads, headSize } = config;
  const normed = norm(pass, `${layer}.input_layernorm`, x); // [m, hidden]
  const asking = project(pass, layer, ['q_proj'], ops.rows(normed, batch.last)); // [n, heads * headSize]
  const q = ops.reshape(asking, [-1, heads, 1, headSize]);
  const answering = project(pass, layer, ['k_proj', 'v_proj'], normed); // [m, 2 * keyValueHeads * headSize]
  const grid = ops.toGrid(answering, batch); // [n * t, 2 * keyValueHeads * headSize]
  const parts = [keyValueHeads, keyValueHeads];
  const [k, v] = ops.splitHeads(grid, batch, parts, headSize); // [n, part, t, headSize] each
  const query = ops.rotate(q, lastAngles.cos, lastAngles.sin);
  const keys = ops.rotate(k!, angles.cos, angles.sin);
  // It is the last of its sequence: nothing but pads comes later.
  const bias = ops.paddingBias(batch.mask);
  const context = ops.attention(query, keys, v!, bias, headShape(config)); // [n, heads, 1, headSize]
  const rows = ops.reshape(context, [-1, heads * headSize]);
  return dense(pass, [`${layer}.self_attn.o_proj`], rows);
}

/** What follows attention in a layer, row by row: x and its context [rows, hidden] -> [rows, hidden]. */
function rest<T>(pass: Pass<T>, layer: string, x: T, context: T): T {
  const { ops } = pass;
  const attended = ops.add(x, context);
  const normed = norm(pass, `${layer}.post_attention_layernorm`, attended);
  const gate = dense(pass, [`${layer}.mlp.gate_proj`], normed); // [rows, intermediate]
  const up = dense(pass, [`${layer}.mlp.up_proj`], normed);
  const down = dense(pass, [`${layer}.mlp.down_proj`], ops.swiglu(gate, up)); // [rows, hidden]
  return ops.add(attended, down);
}

const finalNorm = <T>(pass: Pass<T>, x: T): T => norm(pass, 'model.norm', x);

const norm = <T>({ ops, config }: Pass<T>, name: string, x: T): T =>
  ops.rmsNorm(x, ops.parameter(`${name}.weight`), config.epsilon);

/** Several kinds of heads side by side: [rows, hidden] -> [rows, sum of widths]. */
function project<T>(pass: Pass<T>, layer: string, names: readonly string[], x: T): T {
  const modules = names.map((name) => `${layer}.self_attn.${name}`);
  return dense(pass, modules, x, { biased: pass.config.attentionBias });
}

/** Linear modules side by side, as one matrix product: [rows, in] -> [rows, sum of outs]. */
function dense<T>(
  { ops, adapter }: Pass<T>,
  modules: readonly string[],
  x: T,
  { biased } = { biased: false },
): T {
  const all = (kind: 'weight' | 'bias') =>
    ops.stack(modules.map((module) => ops.parameter(`${module}.${kind}`)));
  const y = ops.linear(x, all('weight'), biased ? all('bias') : null);
  return adapter === null ? y : adapted(ops, adapter, modules, x, y);
}

const headShape = ({ heads, keyValueHeads, headSize }: LlamaConfig) => ({
  heads,
  size: headSize,
  groups: heads / keyValueHeads,
});
