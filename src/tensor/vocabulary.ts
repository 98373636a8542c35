// Builds tokenizers from texts: WordPiece for the student, byte-level BPE for the teacher. What they
// produce is a tokenizer.json that the Rust and Python libraries and the servers load.
//
// Invariants:
// 1. The same texts give the same bytes, in whatever order they come.
// 2. Texts are normalised and split by the very code that tokenizes later.
// 3. The student's [CLS] and [SEP] are 101 and 102, which some servers (Vespa) take for granted, and [PAD]
//    is 0.
import { RestillError } from '../errors.ts';
import { learnMerges } from './byte-pairs.ts';
import { decoderTexts } from './texts.ts';
import { pairTemplate } from './tokenizer-files.ts';
import { type Json, openLibrary } from './tokenizer-library.ts';
import { chooseWordPieces, continuation } from './word-pieces.ts';

/** Rows 0 to 103 as in bert-base: `[PAD]`, 99 unused ones, `[UNK]`, `[CLS]`, `[SEP]`, `[MASK]`. */
const bertReserved: readonly string[] = [
  '[PAD]',
  ...Array.from({ length: 99 }, (_, i) => `[unused${i}]`),
  ...['[UNK]', '[CLS]', '[SEP]', '[MASK]'],
];
const bertSpecial = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const decoderSpecial = ['<unk>', '<s>', '</s>', '<pad>'];
/** A longer word is unknown to WordPiece as such, so it teaches nothing. */
const wordLengthMax = 100;

/**
 * The tokenizer.json of a WordPiece vocabulary with at most `size` rows: lower case, accents stripped.
 * Which pieces it gets, and why, is told in word-pieces.ts.
 *
 * @throws RestillError `CONFIG_INVALID` if `size` leaves no room beside the reserved rows.
 */
export function buildWordPiece(texts: Iterable<string>, size: number): string {
  checkSize(size, bertReserved.length + 1);
  const { split } = openLibrary(wordPiece(bertReserved), {});
  const words = countWords(texts, split);
  for (const word of words.keys()) if ([...word].length > wordLengthMax) words.delete(word);
  return print(wordPiece([...bertReserved, ...chooseWordPieces(words, size - bertReserved.length)]));
}

/**
 * The tokenizer.json of a byte-level BPE vocabulary with at most `size` rows: `<unk>`, `<s>`, `</s>`,
 * `<pad>`, the 256 bytes, then merges. Lower case: a small model has better uses for its rows than
 * capitals. The words of the prompt are counted with each text, so that they cost few tokens.
 *
 * @throws RestillError `CONFIG_INVALID` if `size` does not hold the special tokens and the bytes.
 */
export function buildDecoderVocabulary(texts: Iterable<string>, size: number): string {
  const fixed = [...decoderSpecial, ...byteAlphabet()];
  checkSize(size, fixed.length);
  const { split } = openLibrary(bytePairs(fixed, []), {});
  const prompt = split(Object.values(decoderTexts('', { title: '', summary: '' })).join(''));
  // In a prompt every text follows a space.
  const words = countWords(texts, (text) => [...split(` ${text}`), ...prompt]);
  const merges = learnMerges(words, size - fixed.length);
  // Two merges may make the same token: `ab` + `c`, `a` + `bc`.
  const tokens = new Set([...fixed, ...merges.map(([left, right]) => left + right)]);
  return print(bytePairs([...tokens], merges));
}

function countWords(texts: Iterable<string>, split: (text: string) => string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) for (const word of split(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

// ---------------------------------------------------------------- descriptions

/** As bert-base-uncased has it. */
function wordPiece(tokens: readonly string[]): Json {
  const token = (name: string) => ({ name, id: tokens.indexOf(name) });
  return {
    ...header(bertSpecial, tokens),
    normalizer: {
      type: 'BertNormalizer',
      ...{ clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: pairTemplate(token('[CLS]'), token('[SEP]')),
    decoder: { type: 'WordPiece', prefix: continuation, cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: continuation,
      max_input_chars_per_word: wordLengthMax,
      vocab: numbered(tokens),
    },
  };
}

/** As GPT-2 has it, in lower case. */
function bytePairs(tokens: readonly string[], merges: readonly [string, string][]): Json {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: true };
  return {
    ...header(decoderSpecial, tokens),
    normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Lowercase' }] },
    pre_tokenizer: byteLevel,
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      ...{ dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null },
      ...{ fuse_unk: false, byte_fallback: false, ignore_merges: false },
      vocab: numbered(tokens),
      merges: merges.map((pair) => pair.join(' ')),
    },
  };
}

function header(special: readonly string[], tokens: readonly string[]): Json {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const added = special.map((content) => ({ id: tokens.indexOf(content), content, ...flags }));
  return { version: '1.0', truncation: null, padding: null, added_tokens: added };
}

const numbered = (tokens: readonly string[]): Record<string, number> =>
  Object.fromEntries(tokens.map((token, id) => [token, id]));

const print = (description: Json): string => `${JSON.stringify(description, null, 1)}\n`;

/** GPT-2's printable stand-ins for the 256 bytes: those that can be seen stand for themselves. */
function byteAlphabet(): string[] {
  const visible = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const own = bytes.filter(visible);
  const others = Array.from({ length: 256 - own.length }, (_, index) => 256 + index);
  return [...own, ...others].map((code) => String.fromCharCode(code));
}

function checkSize(size: number, least: number): void {
  if (size < least)
    throw new RestillError('CONFIG_INVALID', `vocabulary.size is ${size}; it must be at least ${least}`);
}
