// golden.jsonl of a generation: texts with the logits that the trainer's own student gives them, so that
// whoever serves it, with another engine on another machine, can tell whether it is served right.
import type { ArtifactFile, EncodedPair } from '../contract.ts';
import { openTokenizer } from '../tensor/tokenizer.ts';
import { encodeGolden, encodeRight, type Reading } from './golden.ts';
import { goldenTexts, vocabularyWords } from './golden-texts.ts';

export const generationGolden = 'golden.jsonl';

/**
 * @param files of the student, by their path in the generation: its tokenizer among them.
 * @param score logits of sequences, with the weights that the generation holds.
 */
export function goldenOf(
  files: readonly ArtifactFile[],
  reading: Omit<Reading, 'positions'>,
  score: (pairs: readonly EncodedPair[]) => Float32Array,
): ArtifactFile {
  const textOf = (path: string): string =>
    Buffer.from(files.find((file) => file.path === path)?.bytes ?? '{}').toString();
  const json = textOf('student/tokenizer.json');
  const tokenizer = openTokenizer(json, textOf('student/tokenizer_config.json'));
  const texts = goldenTexts(vocabularyWords(json), reading.tokensMax);
  const pairs = texts.map((text) => encodeRight(tokenizer, text, reading));
  const logits = score(pairs);
  const vectors = texts.map((text, i) => ({
    ...text,
    ids: [...pairs[i]!.ids],
    segments: [...pairs[i]!.segments],
    logit: logits[i]!,
    faults: {}, // For the diagnosis of foreign servers, which an export's are for.
  }));
  return { path: generationGolden, bytes: encodeGolden(vectors) };
}
