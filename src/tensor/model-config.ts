// The shapes of the two model families, in our words; to and from a Hugging Face config.json.

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
export interface LlamaConfig {
  readonly vocabulary: number;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  /** Query heads are grouped over them. */
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly intermediate: number;
  readonly positions: number;
  readonly ropeTheta: number;
  readonly epsilon: number;
  /** Whether the output matrix is the embedding table. */
  readonly tied: boolean;
  readonly attentionBias: boolean;
}
