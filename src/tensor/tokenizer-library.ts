// @huggingface/tokenizers behind the few calls that we make. Its own type declarations do not resolve under
// Node's module rules (version 0.2.0 imports without file endings), so what we use of it is declared here.
//
// It is to give the ids of the Rust library that servers use. Where it does not, the text is put right
// first:
// - it lowers a capital sigma by its place in the word, where Rust always writes the medial form;
// - its BertNormalizer does not set ideographs beyond the basic plane apart (ranges as in Rust's
//   `is_chinese_char`);
// - its Digits splits at 0 to 9 alone, where Rust's splits at every numeric character, such as ½: a Split
//   does what it should.
import { Tokenizer } from '@huggingface/tokenizers';
import { RestillError } from '../errors.ts';

/** A parsed JSON object. */
export type Json = Readonly<Record<string, unknown>>;

export interface TokenizerLibrary {
  /** Ids of the text alone. */
  encode(text: string): Int32Array;
  /** The words that the model sees: normalised, then split. */
  split(text: string): string[];
  idOf(token: string): number | null;
  /** The largest id plus one. */
  readonly size: number;
}

interface Untyped {
  readonly normalizer: ((text: string) => string) | null;
  readonly pre_tokenizer: ((text: string) => string[]) | null;
  encode(text: string, options: { add_special_tokens: boolean }): { ids: (number | undefined)[] };
  token_to_id(token: string): number | undefined;
  get_vocab(): Map<string, number>;
}

/**
 * @param description a parsed tokenizer.json.
 * @param config a parsed tokenizer_config.json.
 * @throws RestillError `MODEL_UNSUPPORTED` if the library refuses them.
 */
export function openLibrary(description: Json, config: Json): TokenizerLibrary {
  const library = construct(description, config);
  const mend = mending(description);
  let largest = -1;
  for (const id of library.get_vocab().values()) largest = Math.max(largest, id);
  return {
    encode: (text) => checked(library.encode(mend(text), { add_special_tokens: false }).ids),
    split: (text) => {
      const normal = library.normalizer?.(mend(text)) ?? mend(text);
      return library.pre_tokenizer?.(normal) ?? [normal];
    },
    idOf: (token) => library.token_to_id(token) ?? null,
    size: largest + 1,
  };
}

function construct(description: Json, config: Json): Untyped {
  try {
    const splitter = mendDigits(description.pre_tokenizer);
    return new Tokenizer({ ...description, pre_tokenizer: splitter }, config) as Untyped;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RestillError('MODEL_UNSUPPORTED', `tokenizer.json cannot be used: ${reason}`, { cause: error });
  }
}

/** A pre-tokenizer, or a sequence of them, without Digits. */
function mendDigits(splitter: unknown): unknown {
  if (typeof splitter !== 'object' || splitter === null) return splitter;
  const { type, pretokenizers, individual_digits: single } = splitter as Json;
  if (type === 'Sequence' && Array.isArray(pretokenizers))
    return { ...splitter, pretokenizers: pretokenizers.map(mendDigits) };
  if (type !== 'Digits') return splitter;
  const pattern = { Regex: single === true ? '\\p{N}' : '\\p{N}+' };
  return { type: 'Split', pattern, behavior: 'Isolated', invert: false };
}

function checked(ids: (number | undefined)[]): Int32Array {
  return Int32Array.from(ids, (id) => {
    if (id !== undefined) return id;
    throw new RestillError(
      'MODEL_UNSUPPORTED',
      'the tokenizer has neither an id nor an unknown token for some text; use another one',
    );
  });
}

function mending({ normalizer }: Json): (text: string) => string {
  const description = JSON.stringify(normalizer ?? null);
  const lowers = /"Lowercase"|"lowercase":true/.test(description);
  const separates = description.includes('"handle_chinese_chars":true');
  return (text) => {
    const medial = lowers ? text.replaceAll('Σ', 'σ') : text;
    return separates ? medial.replace(rareIdeographs, ' $& ') : medial;
  };
}

const rareIdeographs =
  /[\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;
