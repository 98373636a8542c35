// The tokenizer files of a Hugging Face directory, made from a tokenizer.json: what one server reads from
// it, another reads from tokenizer_config.json, special_tokens_map.json or vocab.txt.
import type { ArtifactFile } from '../contract.ts';
import { RestillError } from '../errors.ts';

const bertTokens = {
  ...{ cls_token: '[CLS]', sep_token: '[SEP]', pad_token: '[PAD]' },
  ...{ unk_token: '[UNK]', mask_token: '[MASK]' },
};
const decoderTokens = { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>', pad_token: '<pad>' };

/**
 * tokenizer.json, tokenizer_config.json, special_tokens_map.json and vocab.txt of the student.
 *
 * @param tokensMax longest sequence, which servers take as the length to cut to.
 * @throws RestillError `MODEL_UNSUPPORTED` if the tokenizer is no WordPiece one.
 */
export function bertTokenizerFiles(tokenizerJson: string, tokensMax: number): ArtifactFile[] {
  const { model, normalizer } = JSON.parse(tokenizerJson) as {
    model: { type: string; vocab: Record<string, number> };
    normalizer: {
      lowercase?: boolean;
      strip_accents?: boolean | null;
      handle_chinese_chars?: boolean;
    } | null;
  };
  if (model.type !== 'WordPiece')
    throw new RestillError(
      'MODEL_UNSUPPORTED',
      `tokenizer.json has a model of type ${model.type}; the student needs WordPiece. Use a BERT tokenizer`,
    );
  const config = {
    tokenizer_class: 'BertTokenizer',
    ...bertTokens,
    model_max_length: tokensMax,
    do_lower_case: normalizer?.lowercase ?? false,
    strip_accents: normalizer?.strip_accents ?? null,
    tokenize_chinese_chars: normalizer?.handle_chinese_chars ?? true,
    clean_up_tokenization_spaces: true,
  };
  const tokens = Object.entries(model.vocab).sort(([, a], [, b]) => a - b);
  return [
    text('tokenizer.json', tokenizerJson),
    text('tokenizer_config.json', pretty(config)),
    text('special_tokens_map.json', pretty(bertTokens)),
    text('vocab.txt', tokens.map(([token]) => `${token}\n`).join('')),
  ];
}

/**
 * tokenizer.json, tokenizer_config.json and special_tokens_map.json of a decoder with a vocabulary built
 * here.
 */
export function decoderTokenizerFiles(tokenizerJson: string, tokensMax: number): ArtifactFile[] {
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    ...decoderTokens,
    model_max_length: tokensMax,
    add_bos_token: false,
    add_eos_token: false,
    clean_up_tokenization_spaces: false,
  };
  return [
    text('tokenizer.json', tokenizerJson),
    text('tokenizer_config.json', pretty(config)),
    text('special_tokens_map.json', pretty(decoderTokens)),
  ];
}

const pretty = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const text = (path: string, content: string): ArtifactFile => ({ path, bytes: Buffer.from(content) });
