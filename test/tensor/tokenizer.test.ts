// Invariants checked here:
// 1. Ids are those of the Rust library, on 10,000 texts of many scripts: for bert-base-uncased, and for
//    vocabularies built here. Pairs too, with segments, cut `only_second` from the right.
// 2. A sequence has at most tokensMax ids; the document is cut first; the closing token is never cut off.
// 3. Pieces of the decoder's text, encoded one by one, give the tokens of the whole.
// 4. A completion ends with the end token only if nothing was cut off, and says where the document begins.
// 5. Missing tokens, too little room and broken files are named.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Tokenizer as RustTokenizer } from 'tokenizers';
import { describe, expect, it } from 'vitest';
import { decoderTexts, documentText } from '../../src/tensor/texts.ts';
import { openTokenizer } from '../../src/tensor/tokenizer.ts';
import { buildDecoderVocabulary, buildWordPiece } from '../../src/tensor/vocabulary.ts';
import { sharedFile } from '../support/shared.ts';
import { someTexts } from '../support/texts.ts';

const texts = someTexts(10_000, 1);
const wordPiece = buildWordPiece(texts.slice(0, 2000), 6000);
const decoder = buildDecoderVocabulary(texts.slice(0, 1000), 1500);
const bertBase = sharedFile('data/tokenizers/bert-base-uncased/tokenizer.json');

const documentArbitrary = fc.record({ title: fc.constantFrom(...texts), summary: fc.constantFrom(...texts) });
const queryArbitrary = fc.constantFrom(...texts);

/** Splits at numbers too, as SmolLM2's tokenizer does. */
function withDigits(json: string, single: boolean): string {
  const description = JSON.parse(json);
  const digits = { type: 'Digits', individual_digits: single };
  const pretokenizers = [digits, description.pre_tokenizer];
  return JSON.stringify({ ...description, pre_tokenizer: { type: 'Sequence', pretokenizers } });
}

describe('ids', () => {
  const cases: [string, string | null][] = [
    ['bert-base-uncased', bertBase && readFileSync(bertBase, 'utf8')],
    ['a WordPiece vocabulary built here', wordPiece],
    ['a decoder vocabulary built here', decoder],
    ['digits one by one', withDigits(decoder, true)],
    ['numbers as a whole', withDigits(decoder, false)],
  ];
  for (const [name, json] of cases)
    it.runIf(json !== null)(`are those of the Rust library: ${name}`, async () => {
      const ours = openTokenizer(json!);
      const rust = RustTokenizer.fromString(json!);
      expect(ours.vocabulary).toBe(rust.getVocabSize(true));
      const expected = await rust.encodeBatch(texts, { addSpecialTokens: false });
      const different = texts.filter((text, i) => `${expected[i]!.getIds()}` !== `${ours.encode(text)}`);
      expect(different).toEqual([]);
    });

  it('are given away as a copy', () => {
    const tokenizer = openTokenizer(wordPiece);
    const before = [...tokenizer.encode('red shoes')];
    tokenizer.encode('red shoes').fill(0);
    expect([...tokenizer.encode('red shoes')]).toEqual(before);
  });
});

describe('encodePair', () => {
  const tokenizer = openTokenizer(wordPiece);
  const small = openTokenizer(buildWordPiece(['red running shoes'], 300));
  const [red, shoes, running] = [...small.encode('red shoes running')];
  const document = { title: ' Running ', summary: 'red' };

  it('is [CLS] query [SEP] title summary [SEP], with segments or without', () => {
    const pair = small.encodePair('Red shoes', document, 16, 'bert');
    expect([...pair.ids]).toEqual([101, red, shoes, 102, running, red, 102]);
    expect([...pair.segments]).toEqual([0, 0, 0, 0, 1, 1, 1]);
    const bare = small.encodePair('Red shoes', document, 16, 'none');
    expect(bare.ids).toEqual(pair.ids);
    expect([...bare.segments]).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  it('cuts the document first, then the query down to one token of the document', () => {
    const ids = (query: string, tokensMax: number): number[] => [
      ...small.encodePair(query, document, tokensMax, 'bert').ids,
    ];
    expect(ids('red shoes', 6)).toEqual([101, red, shoes, 102, running, 102]);
    expect(ids('red shoes', 5)).toEqual([101, red, 102, running, 102]);
    expect(ids('red shoes shoes shoes', 6)).toEqual([101, red, shoes, 102, running, 102]);
  });

  it('gives the query all the room where the document is empty', () => {
    const pair = small.encodePair('red shoes red', { title: '', summary: ' ' }, 6, 'bert');
    expect([...pair.ids]).toEqual([101, red, shoes, red, 102, 102]);
  });

  it('is what Rust makes of query and document text with only_second', async () => {
    const rust = RustTokenizer.fromString(wordPiece);
    rust.setTruncation(40, { strategy: 'OnlySecond' as never } /* a const enum */);
    const short = texts.filter((text) => tokenizer.encode(text).length < 20);
    const pairs = short.slice(0, 500).map((query, i) => ({
      query,
      document: { title: texts[9_000 + i]!, summary: texts[9_500 - i]! },
    }));
    const expected = await Promise.all(pairs.map((p) => rust.encode(p.query, documentText(p.document))));
    let cut = 0;
    for (const [i, { query, document }] of pairs.entries()) {
      const { ids, segments } = tokenizer.encodePair(query, document, 40, 'bert');
      expect([...ids]).toEqual(expected[i]!.getIds());
      expect([...segments]).toEqual(expected[i]!.getTypeIds());
      if (ids.length === 40) cut++;
    }
    expect(cut).toBeGreaterThan(100);
  });

  it('keeps the length and the special tokens, whatever the texts', () => {
    fc.assert(
      fc.property(
        queryArbitrary,
        documentArbitrary,
        fc.integer({ min: 5, max: 64 }),
        (query, doc, tokensMax) => {
          const { ids, segments } = tokenizer.encodePair(query, doc, tokensMax, 'bert');
          expect(ids.length).toBeLessThanOrEqual(tokensMax);
          expect([ids[0], ids.at(-1)]).toEqual([101, 102]);
          const document = tokenizer.encode(documentText(doc));
          const second = segments.indexOf(1);
          expect(ids[second - 1]).toBe(102);
          const shown = ids.slice(second, -1);
          expect([...shown]).toEqual([...document.slice(0, shown.length)]);
          const full = tokenizer.encode(query).length + document.length + 3;
          expect(ids.length).toBe(Math.min(full, tokensMax));
          expect(shown.length > 0 || document.length === 0).toBe(true);
        },
      ),
    );
  });

  it('says what is missing', () => {
    const attempt = (): unknown => openTokenizer(decoder).encodePair('q', document, 16, 'bert');
    expect(attempt).toThrow('the tokenizer has no classify token such as [CLS]');
    expect(attempt).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }));
    expect(() => tokenizer.encodePair('q', document, 4, 'bert')).toThrow(
      'tokens_max is 4; a token of the query',
    );
  });
});

describe('encodeScore and encodeCompletion', () => {
  const tokenizer = openTokenizer(decoder);
  const end = tokenizer.special.end!;
  const document = { title: 'Running shoes', summary: 'for children' };
  const whole = 'query: red\ntitle: Running shoes\nsummary: for children';

  it('is prompt, document and end token', async () => {
    const { ids, outputFrom } = tokenizer.encodeCompletion('red', document, 64);
    expect([...ids]).toEqual([...tokenizer.encode(whole), end]);
    expect(ids).toEqual(tokenizer.encodeScore('red', document, 64));
    expect([...ids.subarray(0, outputFrom)]).toEqual([...tokenizer.encode('query: red\ntitle:')]);
    const text = await RustTokenizer.fromString(decoder).decode([...ids], true);
    expect(text).toBe(whole.toLowerCase());
  });

  it('encodes pieces as it would the whole', () => {
    fc.assert(
      fc.property(queryArbitrary, documentArbitrary, (query, doc) => {
        const { head, query: asked, tail, document } = decoderTexts(query, doc);
        const joint = tokenizer.encode(head + asked + tail + document);
        expect([...tokenizer.encodeScore(query, doc, 10_000)]).toEqual([...joint, end]);
      }),
    );
  });

  it('cuts the document, never the end token; a cut completion has none', () => {
    const full = tokenizer.encodeScore('red', document, 64);
    const cut = tokenizer.encodeScore('red', document, full.length - 1);
    expect([...cut]).toEqual([...full.subarray(0, -2), end]);
    const { ids, outputFrom } = tokenizer.encodeCompletion('red', document, full.length - 1);
    expect([...ids]).toEqual([...full.subarray(0, -2)]);
    expect(outputFrom).toBe(tokenizer.encodeCompletion('red', document, 64).outputFrom);
  });

  it('keeps the length, the prompt and a token of the document, whatever the texts', () => {
    const least = tokenizer.encode('query:\ntitle:').length + 3;
    const sizes = fc.integer({ min: least, max: 64 });
    fc.assert(
      fc.property(queryArbitrary, documentArbitrary, sizes, (query, doc, tokensMax) => {
        const ids = tokenizer.encodeScore(query, doc, tokensMax);
        const completion = tokenizer.encodeCompletion(query, doc, tokensMax);
        expect(ids.length).toBeLessThanOrEqual(tokensMax);
        expect(ids.at(-1)).toBe(end);
        expect(completion.outputFrom).toBeLessThan(completion.ids.length);
        const tail = tokenizer.encode('\ntitle:');
        const { outputFrom } = completion;
        expect([...ids.subarray(outputFrom - tail.length, outputFrom)]).toEqual([...tail]);
        const cut = ids.length === tokensMax && completion.ids.length === ids.length - 1;
        expect(completion.ids.length === ids.length || cut).toBe(true);
      }),
    );
    expect(() => tokenizer.encodeScore('red', document, least - 1)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });
});

describe('openTokenizer', () => {
  it('finds special tokens by the names in tokenizer_config.json, strings or objects', () => {
    const config = { eos_token: '[SEP]', pad_token: { content: '[MASK]', lstrip: false }, cls_token: 'none' };
    const { special } = openTokenizer(wordPiece, JSON.stringify(config));
    expect(special).toEqual({ pad: 103, unknown: 100, classify: null, separate: 102, begin: null, end: 102 });
    expect(openTokenizer(decoder).special).toMatchObject({ unknown: 0, begin: 1, end: 2, pad: 3 });
  });

  const broken: [string, string, string, string][] = [
    ['no JSON', '{', '{}', 'tokenizer.json is not JSON'],
    ['no object', '3', '{}', 'tokenizer.json is not a JSON object'],
    ['a config that is no JSON', wordPiece, 'x', 'tokenizer_config.json is not JSON'],
    ['no model', '{}', '{}', 'tokenizer.json cannot be used'],
    ['an unknown model', wordPiece.replace('"BertPreTokenizer"', '"Other"'), '{}', 'cannot be used'],
  ];
  it.each(broken)('refuses %s', (_, json, config, message) => {
    expect(() => openTokenizer(json, config)).toThrow(message);
  });
});
