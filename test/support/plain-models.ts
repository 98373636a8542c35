// BERT and Llama once more, from the papers: one sequence at a time, plain loops, double precision, nothing
// shared with src/. Slow and short, to compare the packed models with.
import type { Tensors } from '../../src/contract.ts';
import type { BertConfig, LlamaConfig } from '../../src/tensor/model-config.ts';

type Row = number[];
type Rows = Row[];

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const sum = (values: Row) => values.reduce((total, x) => total + x, 0);
const dot = (a: Row, b: Row) => sum(a.map((x, i) => x * b[i]!));
const plus = (a: Rows, b: Rows): Rows => a.map((row, i) => row.map((x, j) => x + b[i]![j]!));
const times = (a: Row, b: Row): Row => a.map((x, i) => x * b[i]!);
const softmax = (scores: Row): Row => {
  const powers = scores.map((x) => Math.exp(x - Math.max(...scores)));
  return powers.map((x) => x / sum(powers));
};

/** Weights by name, and what is computed with them. */
function weightsOf(tensors: Tensors) {
  const vector = (name: string): Row => [...tensors.get(name)!.data];
  const rows = (name: string): Rows => {
    const { shape, data } = tensors.get(name)!;
    return range(shape[0]!).map((i) => [...data.subarray(i * shape[1]!, (i + 1) * shape[1]!)]);
  };
  const linear = (name: string, x: Rows): Rows => {
    const weight = rows(`${name}.weight`);
    const bias = tensors.has(`${name}.bias`) ? vector(`${name}.bias`) : weight.map(() => 0);
    return x.map((row) => weight.map((w, out) => dot(row, w) + bias[out]!));
  };
  return { vector, rows, linear };
}

/** One head: queries, keys, values [t, size] -> [t, size]; query i may look at keys up to `seen(i)`. */
function head(q: Rows, k: Rows, v: Rows, seen: (i: number) => number): Rows {
  return q.map((query, i) => {
    const keys = range(seen(i) + 1);
    const weights = softmax(keys.map((j) => dot(query, k[j]!) / Math.sqrt(query.length)));
    return query.map((_, column) => sum(keys.map((j) => weights[j]! * v[j]![column]!)));
  });
}

const headOf = (x: Rows, i: number, size: number): Rows =>
  x.map((row) => row.slice(i * size, (i + 1) * size));
/** Heads [t, size] side by side -> [t, heads * size]. */
const joined = (heads: Rows[]): Rows => heads[0]!.map((_, i) => heads.flatMap((h) => h[i]!));

/** By its power series, which is good to 1e-9 and better up to 4; beyond, erf is 1 to 1e-8. */
function erf(x: number): number {
  if (Math.abs(x) > 4) return Math.sign(x);
  let term = x;
  let total = x;
  for (let n = 1; n < 100; n++) {
    term *= (-x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}

export function plainBertScore(
  config: BertConfig,
  tensors: Tensors,
  ids: Int32Array,
  segments: Int32Array,
): number {
  const { vector, rows, linear } = weightsOf(tensors);
  const norm = (name: string, x: Rows): Rows => {
    const [weight, bias] = [vector(`${name}.weight`), vector(`${name}.bias`)];
    return x.map((row) => {
      const mean = sum(row) / row.length;
      const variance = sum(row.map((value) => (value - mean) ** 2)) / row.length;
      return row.map((v, i) => ((v - mean) / Math.sqrt(variance + config.epsilon)) * weight[i]! + bias[i]!);
    });
  };
  const table = (name: string) => rows(`bert.embeddings.${name}_embeddings.weight`);
  const [words, positions, kinds] = [table('word'), table('position'), table('token_type')];
  const embedded = [...ids].map((id, i) =>
    words[id]!.map((x, j) => x + positions[i]![j]! + kinds[segments[i]!]![j]!),
  );
  let x = norm('bert.embeddings.LayerNorm', embedded);
  for (const i of range(config.layers)) {
    const layer = `bert.encoder.layer.${i}`;
    const [q, k, v] = ['query', 'key', 'value'].map((name) => linear(`${layer}.attention.self.${name}`, x));
    const size = config.hidden / config.heads;
    const all = () => ids.length - 1;
    const heads = range(config.heads).map((h) =>
      head(headOf(q!, h, size), headOf(k!, h, size), headOf(v!, h, size), all),
    );
    const output = linear(`${layer}.attention.output.dense`, joined(heads));
    x = norm(`${layer}.attention.output.LayerNorm`, plus(x, output));
    const inner = linear(`${layer}.intermediate.dense`, x);
    const active = inner.map((row) => row.map((value) => (value * (1 + erf(value / Math.SQRT2))) / 2));
    x = norm(`${layer}.output.LayerNorm`, plus(x, linear(`${layer}.output.dense`, active)));
  }
  const pooled = linear('bert.pooler.dense', [x[0]!]).map((row) => row.map(Math.tanh));
  return linear('classifier', pooled)[0]![0]!;
}

/** The last hidden states, normed -> [t, hidden]. */
export function plainLlamaHidden(config: LlamaConfig, tensors: Tensors, ids: Int32Array): Rows {
  const { vector, rows, linear } = weightsOf(tensors);
  const { heads, keyValueHeads, headSize: size } = config;
  const norm = (name: string, x: Rows): Rows =>
    x.map((row) => {
      const scale = 1 / Math.sqrt(dot(row, row) / row.length + config.epsilon);
      return times(
        row.map((value) => value * scale),
        vector(`${name}.weight`),
      );
    });
  /** Pairs (i, i + size / 2) as complex numbers, turned. */
  const turned = (x: Rows): Rows =>
    x.map((row, position) =>
      row.map((value, i) => {
        const half = size / 2;
        const angle = position * config.ropeTheta ** (-(i % half) / half);
        const other = i < half ? -row[i + half]! : row[i - half]!;
        return value * Math.cos(angle) + other * Math.sin(angle);
      }),
    );
  const embeddings = rows('model.embed_tokens.weight');
  let x: Rows = [...ids].map((id) => embeddings[id]!);
  for (const i of range(config.layers)) {
    const layer = `model.layers.${i}`;
    const normed = norm(`${layer}.input_layernorm`, x);
    const [q, k, v] = ['q', 'k', 'v'].map((name) => linear(`${layer}.self_attn.${name}_proj`, normed));
    const context = range(heads).map((h) => {
      const shared = Math.floor(h / (heads / keyValueHeads));
      const [queries, keys] = [turned(headOf(q!, h, size)), turned(headOf(k!, shared, size))];
      return head(queries, keys, headOf(v!, shared, size), (position) => position);
    });
    x = plus(x, linear(`${layer}.self_attn.o_proj`, joined(context)));
    const second = norm(`${layer}.post_attention_layernorm`, x);
    const gate = linear(`${layer}.mlp.gate_proj`, second).map((row) =>
      row.map((g) => g / (1 + Math.exp(-g))),
    );
    const up = linear(`${layer}.mlp.up_proj`, second);
    x = plus(
      x,
      linear(
        `${layer}.mlp.down_proj`,
        gate.map((row, j) => times(row, up[j]!)),
      ),
    );
  }
  return norm('model.norm', x);
}

export const plainLlamaScore = (config: LlamaConfig, tensors: Tensors, ids: Int32Array): number =>
  weightsOf(tensors).linear('score', [plainLlamaHidden(config, tensors, ids).at(-1)!])[0]![0]!;

/** Mean over all output tokens of all completions. */
export function plainLlamaCrossEntropy(
  config: LlamaConfig,
  tensors: Tensors,
  completions: readonly { ids: Int32Array; outputFrom: number }[],
): number {
  const { linear } = weightsOf(tensors);
  const table = config.tied ? 'model.embed_tokens' : 'lm_head';
  const losses = completions.flatMap(({ ids, outputFrom }) => {
    const logits = linear(table, plainLlamaHidden(config, tensors, ids));
    return range(ids.length)
      .slice(outputFrom)
      .map((i) => -Math.log(softmax(logits[i - 1]!)[ids[i]!]!));
  });
  return sum(losses) / losses.length;
}
