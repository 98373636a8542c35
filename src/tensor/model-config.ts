// The shapes of the two model families, in our words; to and from a Hugging Face config.json.
//
// Invariants:
// 1. What is written is read back as the same config, and has every key that some server asks for.
// 2. A config.json that asks for something that the models here do not do is refused by key and value:
//    reading it anyway would give plausible, wrong scores.
import { ConfigReader } from './config-reader.ts';
import { type Rope, ropeFromHuggingFace, ropeToHuggingFace } from './rope.ts';

/** A BERT cross-encoder with one output (`BertForSequenceClassification`, num_labels 1). */
export interface BertConfig {
  readonly vocabulary: number;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly intermediate: number;
  /** Longest sequence, in tokens. */
  readonly positions: number;
  /** Rows of the token type table. */
  readonly segments: number;
  readonly epsilon: number;
}

/** A decoder of the Llama family (`LlamaForCausalLM`; Qwen2 has `attentionBias` on q, k, v). */
export interface LlamaConfig extends Rope {
  readonly vocabulary: number;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  /** Query heads are grouped over them. */
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly intermediate: number;
  readonly positions: number;
  readonly epsilon: number;
  /** Whether the output matrix is the embedding table. */
  readonly tied: boolean;
  readonly attentionBias: boolean;
}

/** Token ids that a decoder's config.json names; null where its tokenizer has none. */
export interface SpecialIds {
  readonly begin: number | null;
  readonly end: number | null;
  readonly pad: number | null;
}

/** A parsed config.json. */
export type HuggingFaceConfig = Readonly<Record<string, unknown>>;

// ---------------------------------------------------------------- BERT

/**
 * The config.json of the student: a superset of what transformers, sentence-transformers, Text Embeddings
 * Inference, vLLM, Infinity and Elasticsearch read, so that one directory loads in all of them.
 *
 * The activation is the identity in both places where servers look for one: else they apply a sigmoid to
 * the logit.
 *
 * @param pad id of the tokenizer's pad token. Pads are masked, so it changes no score, but servers want one.
 */
export function bertToHuggingFace(config: BertConfig, pad = 0): HuggingFaceConfig {
  const identity = 'torch.nn.modules.linear.Identity';
  return {
    architectures: ['BertForSequenceClassification'],
    model_type: 'bert',
    vocab_size: config.vocabulary,
    hidden_size: config.hidden,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    intermediate_size: config.intermediate,
    hidden_act: 'gelu',
    hidden_dropout_prob: 0.1,
    attention_probs_dropout_prob: 0.1,
    max_position_embeddings: config.positions,
    type_vocab_size: config.segments,
    initializer_range: 0.02,
    layer_norm_eps: config.epsilon,
    pad_token_id: pad,
    position_embedding_type: 'absolute',
    classifier_dropout: null,
    id2label: { 0: 'LABEL_0' },
    label2id: { LABEL_0: 0 },
    num_labels: 1,
    sentence_transformers: { activation_fn: identity, version: '5.0.0' },
    sbert_ce_default_activation_function: identity,
    torch_dtype: 'float32',
  };
}

/** Of these the encoder is read, and the head of the last. */
const bertArchitectures = [
  'BertModel',
  'BertForMaskedLM',
  'BertForPreTraining',
  'BertForSequenceClassification',
];

/**
 * Reads a `BertForSequenceClassification` with one label, or a bare `BertModel` or `BertForMaskedLM`, to
 * which the caller adds the head.
 *
 * @throws RestillError `MODEL_UNSUPPORTED` or `MODEL_DAMAGED` naming the key and its value.
 */
export function bertFromHuggingFace(json: unknown): BertConfig {
  const from = new ConfigReader(json);
  from.only('model_type', ['bert']);
  from.only('hidden_act', ['gelu', undefined]);
  from.only('position_embedding_type', ['absolute', undefined]);
  from.only('is_decoder', [false, undefined]);
  from.only('add_cross_attention', [false, undefined]);
  from.only('quantization_config', [null, undefined]);
  checkHead(from, bertArchitectures);
  const config: BertConfig = {
    vocabulary: from.count('vocab_size'),
    layers: from.count('num_hidden_layers'),
    hidden: from.count('hidden_size'),
    heads: from.count('num_attention_heads'),
    intermediate: from.count('intermediate_size'),
    positions: from.count('max_position_embeddings'),
    segments: from.count('type_vocab_size', 2),
    epsilon: from.positive('layer_norm_eps', 1e-12),
  };
  from.divides('num_attention_heads', config.heads, 'hidden_size', config.hidden);
  return config;
}

/**
 * One label, or none yet. A classifier says its number of labels in `id2label`; where it says nothing, it
 * has two.
 */
function checkHead(from: ConfigReader, architectures: readonly string[]): void {
  from.only('num_labels', [1, undefined]);
  const architecture = from.first('architectures', architectures);
  if (!architecture?.endsWith('ForSequenceClassification')) return;
  const labels = Object.keys(from.value('id2label') ?? {}).length || (from.value('num_labels') ?? 2);
  if (labels !== 1) throw from.unsupported('id2label', [{ 0: 'LABEL_0' }]);
}

// ---------------------------------------------------------------- Llama

/**
 * The config.json of the teacher: `LlamaForSequenceClassification` with one label, or Qwen2's where q, k and
 * v have biases (Llama's own `attention_bias` means one on the output projection too: we do not have it).
 *
 * transformers reads the score at the last token that is not `pad_token_id`. The end token is what we read it
 * at, so it must not be the pad as well, as it is in many models: there the begin token takes its place.
 */
export function llamaToHuggingFace(config: LlamaConfig, special: SpecialIds): HuggingFaceConfig {
  const { begin, end } = special;
  const pad = special.pad === end ? begin : special.pad;
  return {
    architectures: [`${config.attentionBias ? 'Qwen2' : 'Llama'}ForSequenceClassification`],
    num_labels: 1,
    id2label: { 0: 'LABEL_0' },
    label2id: { LABEL_0: 0 },
    model_type: config.attentionBias ? 'qwen2' : 'llama',
    vocab_size: config.vocabulary,
    hidden_size: config.hidden,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.keyValueHeads,
    head_dim: config.headSize,
    intermediate_size: config.intermediate,
    hidden_act: 'silu',
    max_position_embeddings: config.positions,
    initializer_range: 0.02,
    rms_norm_eps: config.epsilon,
    ...ropeToHuggingFace(config),
    ...(config.attentionBias ? { use_sliding_window: false } : { attention_bias: false, mlp_bias: false }),
    attention_dropout: 0,
    tie_word_embeddings: config.tied,
    use_cache: true,
    bos_token_id: begin,
    eos_token_id: end,
    pad_token_id: pad,
    torch_dtype: 'float32',
  };
}

const llamaArchitectures = ['Llama', 'Qwen2'].flatMap((family) =>
  ['Model', 'ForCausalLM', 'ForSequenceClassification'].map((suffix) => `${family}${suffix}`),
);

/**
 * Reads a Llama or Qwen2 decoder, with or without a score head.
 *
 * @throws RestillError `MODEL_UNSUPPORTED` or `MODEL_DAMAGED` naming the key and its value.
 */
export function llamaFromHuggingFace(json: unknown): LlamaConfig {
  const from = new ConfigReader(json);
  from.only('model_type', ['llama', 'qwen2']);
  from.only('hidden_act', ['silu', undefined]);
  from.only('attention_bias', [false, undefined]);
  from.only('mlp_bias', [false, undefined]);
  from.only('use_sliding_window', [false, undefined]);
  from.each('layer_types', ['full_attention']);
  from.only('rope_interleaved', [false, undefined]);
  from.only('quantization_config', [null, undefined]);
  checkHead(from, llamaArchitectures);
  const hidden = from.count('hidden_size');
  const heads = from.count('num_attention_heads');
  const keyValueHeads = from.count('num_key_value_heads', heads);
  from.divides('num_key_value_heads', keyValueHeads, 'num_attention_heads', heads);
  if (from.absent('head_dim')) from.divides('num_attention_heads', heads, 'hidden_size', hidden);
  const headSize = from.count('head_dim', hidden / heads);
  if (headSize % 2 !== 0) throw from.unsupported('head_dim', ['an even number']);
  return {
    vocabulary: from.count('vocab_size'),
    layers: from.count('num_hidden_layers'),
    hidden,
    heads,
    keyValueHeads,
    headSize,
    intermediate: from.count('intermediate_size'),
    positions: from.count('max_position_embeddings'),
    ...ropeFromHuggingFace(from),
    epsilon: from.positive('rms_norm_eps', 1e-6),
    tied: from.flag('tie_word_embeddings', false),
    attentionBias: from.value('model_type') === 'qwen2',
  };
}
