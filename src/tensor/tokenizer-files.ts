// The tokenizer files of a Hugging Face directory, made from a tokenizer.json: what one server reads from
// it, another reads from tokenizer_config.json, special_tokens_map.json or vocab.txt.
import type { ArtifactFile } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { openTokenizer, tokenName } from './tokenizer.ts';
import type { Json } from './tokenizer-library.ts';

const bertTokens = {
  ...{ cls_token: '[CLS]', sep_token: '[SEP]', pad_token: '[PAD]' },
  ...{ unk_token: '[UNK]', mask_token: '[MASK]' },
};
const decoderTokens = { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>', pad_token: '<pad>' };

/**
 * A tokenizer.json that makes of a pair what the student is trained on, whatever it did where it was
 * published: `[CLS] query [SEP] document [SEP]` with BERT's types, neither cut nor padded. Servers do what
 * it says.
 *
 * @param tokenizerConfig text of its tokenizer_config.json, which names the special tokens.
 */
export function servedTokenizer(tokenizerJson: string, tokenizerConfig: string): string {
  const description = JSON.parse(tokenizerJson) as Json;
  const { classify, separate } = openTokenizer(tokenizerJson, tokenizerConfig).special;
  const { cls_token: first, sep_token: between } = bertTokensOf(tokenizerConfig);
  // Without these two tokens there are no pairs: whoever encodes one is told so.
  const template =
    classify === null || separate === null
      ? {}
      : { post_processor: pairTemplate({ name: first, id: classify }, { name: between, id: separate }) };
  const served = JSON.stringify({ ...description, truncation: null, padding: null, ...template });
  return served === JSON.stringify(description) ? tokenizerJson : served;
}

interface Token {
  readonly name: string;
  readonly id: number;
}

/** The post-processor of bert-base-uncased. */
export function pairTemplate(classify: Token, separate: Token): Json {
  const special = ({ name }: Token, segment: number) => ({ SpecialToken: { id: name, type_id: segment } });
  const sequence = (id: string, segment: number) => ({ Sequence: { id, type_id: segment } });
  const single = [special(classify, 0), sequence('A', 0), special(separate, 0)];
  const described = ({ name, id }: Token) => [name, { id: name, ids: [id], tokens: [name] }];
  return {
    type: 'TemplateProcessing',
    single,
    pair: [...single, sequence('B', 1), special(separate, 1)],
    special_tokens: Object.fromEntries([classify, separate].map(described)),
  };
}

/** As tokenizer_config.json names them, by the usual names where it does not. */
function bertTokensOf(tokenizerConfig: string): typeof bertTokens {
  const config = JSON.parse(tokenizerConfig) as Json;
  const named = Object.entries(bertTokens).map(([key, usual]) => [key, tokenName(config, key) ?? usual]);
  return Object.fromEntries(named) as typeof bertTokens;
}

/**
 * tokenizer.json, tokenizer_config.json, special_tokens_map.json and vocab.txt of the student.
 *
 * @param tokensMax longest sequence, which servers take as the length to cut to.
 * @param tokenizerConfig text of the tokenizer_config.json that names the special tokens; `{}` for the usual
 *   names.
 * @throws RestillError `MODEL_UNSUPPORTED` if the tokenizer is no WordPiece one.
 */
export function bertTokenizerFiles(
  tokenizerJson: string,
  tokensMax: number,
  tokenizerConfig = '{}',
): ArtifactFile[] {
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
  const names = bertTokensOf(tokenizerConfig);
  const config = {
    tokenizer_class: 'BertTokenizer',
    ...names,
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
    text('special_tokens_map.json', pretty(names)),
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
