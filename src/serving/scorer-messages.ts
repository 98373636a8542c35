// What a server and the process that scores for it say to each other. Typed arrays cross as they are.
import type { EncodedPair, GenerationId, ManifestFile } from '../contract.ts';
import type { BertConfig } from '../tensor/model-config.ts';

/** The first message: of which student, and where its weights are. */
export interface ScorerStart {
  readonly kind: 'start';
  readonly generation: GenerationId;
  /** Of the generation. */
  readonly folder: string;
  readonly weights: ManifestFile;
  readonly bert: BertConfig;
  readonly segments: 'bert' | 'none';
  readonly threads: number;
}

/** All sequences one after the other, as one array: thousands of small ones take longer to send. */
export interface ScoreRequest {
  readonly kind: 'score';
  readonly lengths: Int32Array;
  readonly ids: Int32Array;
  readonly segments: Int32Array;
}

export type ToScorer = ScorerStart | ScoreRequest;

export type FromScorer =
  | { readonly kind: 'ready' }
  /** Answers come in the order of the requests. */
  | { readonly kind: 'scores'; readonly logits: Float32Array }
  /** The last message. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

export function joinSequences(sequences: readonly EncodedPair[]): ScoreRequest {
  const lengths = Int32Array.from(sequences, ({ ids }) => ids.length);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const [ids, segments] = [new Int32Array(tokens), new Int32Array(tokens)];
  let at = 0;
  for (const sequence of sequences) {
    ids.set(sequence.ids, at);
    segments.set(sequence.segments, at);
    at += sequence.ids.length;
  }
  return { kind: 'score', lengths, ids, segments };
}

export function splitSequences({ lengths, ids, segments }: ScoreRequest): EncodedPair[] {
  let end = 0;
  return Array.from(lengths, (length) => {
    const begin = end;
    end += length;
    return { ids: ids.subarray(begin, end), segments: segments.subarray(begin, end) };
  });
}
