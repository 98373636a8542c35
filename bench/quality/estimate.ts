// What the cost estimates go by: sizes of the models and mean lengths of the sequences on this data.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../src/config.ts';
import { describeModelDirectory } from '../../src/tensor/model-directory.fs.ts';
import { openTokenizer, type Tokenizer } from '../../src/tensor/tokenizer.ts';
import { judgedTexts } from './context.ts';
import type { Esci } from './esci.ts';
import { clickStream, distillable } from './fold-stream.ts';
import { isAsked, type Split } from './folds.ts';
import type { Options } from './options.ts';
import type { Sizes } from './plan.ts';

/** Every so many judged pairs are counted. */
const stride = 10;

export function sizesOf(o: {
  readonly config: Config;
  readonly options: Options;
  readonly esci: Esci;
  readonly split: Split;
}): Sizes {
  const { config, options, esci } = o;
  const texts = judgedTexts(esci.queries.filter(({ queryId }) => isAsked(o.split, queryId)));
  const sample = texts.filter((_, i) => i % stride === 0);
  const teacher = tokenizerIn(options.teacher);
  const student = tokenizerIn(options.student);
  const mean = (length: (text: (typeof texts)[number]) => number): number =>
    sample.reduce((sum, text) => sum + length(text), 0) / sample.length;
  return {
    ...parametersOf(options),
    teacherTokens: mean(
      ({ query, document }) => teacher.encodeScore(query, document, config.teacher.tokensMax).length,
    ),
    studentTokens: mean(
      ({ query, document }) =>
        student.encodePair(query, document, config.student.tokensMax, 'bert').ids.length,
    ),
    judged: texts.length,
    labels: distillable(clickStream(esci, o.split, config, options), config).size,
  };
}

function tokenizerIn(path: string): Tokenizer {
  const text = (name: string): string => readFileSync(join(path, name), 'utf8');
  return openTokenizer(text('tokenizer.json'), text('tokenizer_config.json'));
}

function parametersOf(options: Options) {
  const { config: bert } = describeModelDirectory(options.student, null);
  const { family, config: llama } = describeModelDirectory(options.teacher, null);
  const layers = options.teacherLayers ?? llama.layers;
  const attention =
    family === 'llama'
      ? 2 * llama.hidden * llama.headSize * (llama.heads + llama.keyValueHeads)
      : 4 * llama.hidden ** 2;
  return {
    teacherParameters: layers * (attention + 3 * llama.hidden * llama.intermediate),
    vocabularyParameters: llama.vocabulary * llama.hidden,
    studentParameters: bert.layers * (4 * bert.hidden ** 2 + 2 * bert.hidden * bert.intermediate),
  };
}
