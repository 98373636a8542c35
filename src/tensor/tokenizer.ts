// Texts to token ids by a tokenizer.json, the same file that servers load, cut to a length.
//
// Invariants:
// 1. Ids are those of the Rust library that servers use: else the student serves on other tokens than it
//    learnt on.
// 2. A sequence has at most `tokensMax` ids. The document is cut first, from the right; the query only as
//    far as at least one token of the document fits. The closing token is never cut off.
import type { Document, EncodedCompletion, EncodedPair } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { decoderTexts, documentText } from './texts.ts';
import { type Json, openLibrary, type TokenizerLibrary } from './tokenizer-library.ts';

/** Ids of the tokens with a meaning of their own; null where the tokenizer has none. */
export interface SpecialTokens {
  readonly pad: number | null;
  readonly unknown: number | null;
  /** `[CLS]` */
  readonly classify: number | null;
  /** `[SEP]` */
  readonly separate: number | null;
  /** `<s>` */
  readonly begin: number | null;
  /** `</s>` */
  readonly end: number | null;
}

export interface Tokenizer {
  /** Rows that an embedding table needs: the largest id plus one. */
  readonly vocabulary: number;
  readonly special: SpecialTokens;
  /** Ids of a text as it stands, without special tokens around it. */
  encode(text: string): Int32Array;
  /**
   * For BERT: `[CLS] query [SEP] title summary [SEP]`.
   *
   * @param segments `bert`: 0 up to the first `[SEP]`, then 1. `none`: all 0.
   * @throws RestillError `MODEL_UNSUPPORTED` if the tokenizer has no `[CLS]` or `[SEP]`.
   * @throws RestillError `CONFIG_INVALID` if `tokensMax` is too small for one token of each.
   */
  encodePair(query: string, document: Document, tokensMax: number, segments: 'bert' | 'none'): EncodedPair;
  /**
   * For the decoder's score: prompt and document, then the end token, whose hidden state is scored.
   *
   * @throws RestillError `MODEL_UNSUPPORTED` if the tokenizer has no end token.
   * @throws RestillError `CONFIG_INVALID` if `tokensMax` is too small for the prompt.
   */
  encodeScore(query: string, document: Document, tokensMax: number): Int32Array;
  /**
   * For continued pre-training: the same ids, with the place where the document begins. The end token
   * stands there only if the whole document does: it must not be learnt that a document ends where it was
   * cut.
   */
  encodeCompletion(query: string, document: Document, tokensMax: number): EncodedCompletion;
}

/** Texts whose ids are remembered: the same queries and documents come again and again. About 10 MB. */
const rememberedMax = 16_384;

/**
 * @param json text of a tokenizer.json.
 * @param configJson text of its tokenizer_config.json, which names the special tokens; `{}` for the usual
 *   names.
 * @throws RestillError `MODEL_DAMAGED` if either is no JSON, `MODEL_UNSUPPORTED` if the library refuses it.
 */
export function openTokenizer(json: string, configJson = '{}'): Tokenizer {
  const description = parse(json, 'tokenizer.json');
  const config = parse(configJson, 'tokenizer_config.json');
  const library = openLibrary(description, config);
  const encode = remember(library.encode);
  const special = specialTokens(library, config);
  const need = (token: 'classify' | 'separate' | 'end', usual: string): number => {
    const id = special[token];
    if (id !== null) return id;
    throw new RestillError(
      'MODEL_UNSUPPORTED',
      `the tokenizer has no ${token} token such as ${usual}; ` +
        'use another one, or name it in tokenizer_config.json',
    );
  };
  const complete = (query: string, document: Document, tokensMax: number) =>
    assemble(decoderTexts(query, document), encode, tokensMax, need('end', '</s>'));
  return {
    vocabulary: library.size,
    special,
    encode: (text) => Int32Array.from(encode(text)),
    encodePair: (query, document, tokensMax, segments) =>
      assemblePair(encode(query), encode(documentText(document)), {
        tokensMax,
        secondSegment: segments === 'bert' ? 1 : 0,
        classify: need('classify', '[CLS]'),
        separate: need('separate', '[SEP]'),
      }),
    encodeScore: (query, document, tokensMax) => complete(query, document, tokensMax).ids,
    encodeCompletion: (query, document, tokensMax) => {
      const { ids, outputFrom, whole } = complete(query, document, tokensMax);
      return { ids: whole ? ids : ids.subarray(0, -1), outputFrom };
    },
  };
}

// ---------------------------------------------------------------- sequences

interface PairLayout {
  readonly tokensMax: number;
  readonly secondSegment: number;
  readonly classify: number;
  readonly separate: number;
}

function assemblePair(query: Int32Array, document: Int32Array, layout: PairLayout): EncodedPair {
  const room = layout.tokensMax - 3; // [CLS], [SEP], [SEP]
  if (room < 2) throw tooShort(layout.tokensMax, 5);
  const first = query.subarray(0, room - Math.min(1, document.length));
  const second = document.subarray(0, room - first.length);
  const ids = new Int32Array(first.length + second.length + 3);
  ids[0] = layout.classify;
  ids.set(first, 1);
  ids[first.length + 1] = layout.separate;
  ids.set(second, first.length + 2);
  ids[ids.length - 1] = layout.separate;
  const segments = new Int32Array(ids.length).fill(layout.secondSegment, first.length + 2);
  return { ids, segments };
}

/** Prompt, document, end token. `whole`: whether nothing of the document was cut off. */
function assemble(
  texts: ReturnType<typeof decoderTexts>,
  encode: (text: string) => Int32Array,
  tokensMax: number,
  end: number,
): EncodedCompletion & { readonly whole: boolean } {
  const head = encode(texts.head);
  const tail = encode(texts.tail);
  const document = encode(texts.document);
  const room = tokensMax - 1 - head.length - tail.length; // for query and document, before the end token
  if (room < 2) throw tooShort(tokensMax, tokensMax + 2 - room);
  const query = encode(texts.query).subarray(0, room - 1);
  const output = document.subarray(0, room - query.length);
  const ids = Int32Array.of(...head, ...query, ...tail, ...output, end);
  return { ids, outputFrom: ids.length - 1 - output.length, whole: output.length === document.length };
}

const tooShort = (tokensMax: number, needed: number): RestillError =>
  new RestillError(
    'CONFIG_INVALID',
    `tokens_max is ${tokensMax}; a token of the query and one of the document need ${needed} ` +
      'with what stands around them',
  );

// ---------------------------------------------------------------- opening

function parse(text: string, name: string): Json {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Json;
  } catch (error) {
    throw new RestillError('MODEL_DAMAGED', `${name} is not JSON; fetch it again`, { cause: error });
  }
  throw new RestillError('MODEL_DAMAGED', `${name} is not a JSON object; fetch it again`);
}

/** Forgets the oldest text when full. What it returns is shared: callers copy. */
function remember(encode: (text: string) => Int32Array): (text: string) => Int32Array {
  const known = new Map<string, Int32Array>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const ids = encode(text);
    if (known.size >= rememberedMax) known.delete(known.keys().next().value!);
    known.set(text, ids);
    return ids;
  };
}

/** By the names in tokenizer_config.json, else by the usual ones. */
function specialTokens(library: TokenizerLibrary, config: Json): SpecialTokens {
  const find = (key: string, ...usual: string[]): number | null => {
    const name = tokenName(config, key);
    const names = name === null ? usual : [name];
    return names.map((token) => library.idOf(token)).find((id) => id !== null) ?? null;
  };
  return {
    pad: find('pad_token', '[PAD]', '<pad>'),
    unknown: find('unk_token', '[UNK]', '<unk>'),
    classify: find('cls_token', '[CLS]'),
    separate: find('sep_token', '[SEP]'),
    begin: find('bos_token', '<s>'),
    end: find('eos_token', '</s>', '<|endoftext|>'),
  };
}

/** What tokenizer_config.json calls a special token; null where it does not say. */
export function tokenName(config: Json, key: string): string | null {
  const named = config[key];
  // Old files write a token as an object with its content.
  const name = typeof named === 'object' && named !== null ? (named as Json).content : named;
  return typeof name === 'string' ? name : null;
}
