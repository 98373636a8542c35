// Invariants checked here:
// 1. The same texts give the same bytes, in whatever order they come.
// 2. The student's special tokens are where servers expect them; no vocabulary is larger than asked.
// 3. Words seen are single tokens while there is room, most frequent first; no word over known letters is
//    unknown.
// 4. Merges are those of a BPE learnt by hand, and the vocabulary reads every text there is.
// 5. The Hugging Face files agree with the tokenizer.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learnMerges } from '../../src/tensor/byte-pairs.ts';
import { openTokenizer } from '../../src/tensor/tokenizer.ts';
import {
  bertTokenizerFiles,
  decoderTokenizerFiles,
  servedTokenizer,
} from '../../src/tensor/tokenizer-files.ts';
import { buildDecoderVocabulary, buildWordPiece } from '../../src/tensor/vocabulary.ts';
import { chooseWordPieces } from '../../src/tensor/word-pieces.ts';
import { someTexts } from '../support/texts.ts';

const vocabularyOf = (json: string): string[] => {
  const { model } = JSON.parse(json) as { model: { vocab: Record<string, number> } };
  const tokens = Object.entries(model.vocab).sort(([, a], [, b]) => a - b);
  expect(tokens.map(([, id]) => id)).toEqual(tokens.map((_, i) => i));
  return tokens.map(([token]) => token);
};
const counts = (record: Record<string, number>): Map<string, number> => new Map(Object.entries(record));

describe('chooseWordPieces', () => {
  it('takes characters, frequent words, sub-words, then rare words', () => {
    const words = counts({ ab: 5, abc: 3, abd: 2, cab: 1, dab: 1 });
    // a 12, b 12 (11 inside), ##b ...: characters by count, half of the room at most.
    const pieces = chooseWordPieces(words, 100);
    const characters = ['##a', '##b', 'a', 'b', 'c', '##c', '##d', 'd'];
    expect([...pieces.slice(0, 8)].sort()).toEqual([...characters].sort());
    expect(pieces.slice(8, 11)).toEqual(['ab', 'abc', 'abd']);
    // `cab` and `dab` share `##ab`, seen twice; `ca` and `da` were seen once.
    expect(pieces.slice(11)).toEqual(['##ab', 'cab', 'dab']);
  });

  it('breaks ties by code point, not by UTF-16 unit', () => {
    expect(chooseWordPieces(counts({ '😀': 1, ﬁ: 1 }), 4).slice(0, 2)).toEqual(['ﬁ', '😀']);
  });

  it('never gives more than there is room for, nor anything twice', () => {
    const words = fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 9 }));
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 60 }), (record, room) => {
        const pieces = chooseWordPieces(counts(record), room);
        expect(pieces.length).toBeLessThanOrEqual(room);
        expect(new Set(pieces).size).toBe(pieces.length);
      }),
    );
  });
});

describe('learnMerges', () => {
  it('is the example of Sennrich et al. 2016', () => {
    const words = counts({ low$: 5, lower$: 2, newest$: 6, widest$: 3 });
    // e+s 9, es+t 9, est+$ 9, l+o 7, lo+w 7; then three pairs of newest with 6: e+w goes before n+e and
    // w+est$.
    expect(learnMerges(words, 7).map((pair) => pair.join(' '))).toEqual([
      'e s',
      'es t',
      'est $',
      'l o',
      'lo w',
      'e w',
      'ew est$',
    ]);
  });

  it('counts overlapping pairs once they are joined', () => {
    expect(learnMerges(counts({ aaaa: 2 }), 9)).toEqual([
      ['a', 'a'],
      ['aa', 'aa'],
    ]);
    expect(learnMerges(counts({ aaa: 2 }), 9)).toEqual([
      ['a', 'a'],
      ['aa', 'a'],
    ]);
  });

  it('leaves pairs alone that were seen once', () => {
    expect(learnMerges(counts({ abc: 1 }), 9)).toEqual([]);
  });

  it('agrees with counting anew after every merge', () => {
    const words = fc.dictionary(
      fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 9 }),
      fc.integer({ min: 1, max: 4 }),
    );
    fc.assert(
      fc.property(words, (record) => {
        expect(learnMerges(counts(record), 12)).toEqual(naive(record, 12));
      }),
    );
  });
});

/** The same by brute force. */
function naive(record: Record<string, number>, mergesMax: number): [string, string][] {
  let words = Object.entries(record).map(([word, count]) => ({ tokens: [...word], count }));
  const merges: [string, string][] = [];
  while (merges.length < mergesMax) {
    const pairs = new Map<string, number>();
    for (const { tokens, count } of words)
      for (let i = 1; i < tokens.length; i++) {
        const key = `${tokens[i - 1]} ${tokens[i]}`;
        pairs.set(key, (pairs.get(key) ?? 0) + count);
      }
    const best = [...pairs].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0];
    if (best === undefined || best[1] < 2) break;
    const [left, right] = best[0].split(' ') as [string, string];
    merges.push([left, right]);
    words = words.map(({ tokens, count }) => {
      const joined = ` ${tokens.join('  ')} `.replaceAll(` ${left}  ${right} `, ` ${left}${right} `);
      return { tokens: joined.trim().split('  '), count };
    });
  }
  return merges;
}

describe('buildWordPiece', () => {
  const json = buildWordPiece(['Crème brûlée, crème', 'Red-Shoes 2024', 'red SHOES'], 400);

  it('has the rows of bert-base first', () => {
    const tokens = vocabularyOf(json);
    expect([0, 1, 99, 100, 101, 102, 103].map((id) => tokens[id])).toEqual(
      ['[PAD]', '[unused0]', '[unused98]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'], //
    );
    expect(tokens.slice(104)).toEqual(
      expect.arrayContaining(['creme', 'red', 'shoes', 'brulee', '2024', '-']),
    );
    expect(tokens).not.toContain('Red');
  });

  it('reads words over known letters without an unknown token', () => {
    const tokenizer = openTokenizer(json);
    expect([...tokenizer.encode('Sored hers reds cruel')]).not.toContain(100);
    expect(tokenizer.encode('Crème red-shoes')).toHaveLength(4);
    expect([...tokenizer.encode('zebra')]).toEqual([100]);
  });

  it('does not care for the order of texts', () => {
    const texts = someTexts(200, 3);
    expect(buildWordPiece([...texts].reverse(), 600)).toBe(buildWordPiece(texts, 600));
    expect(buildDecoderVocabulary([...texts].reverse(), 600)).toBe(buildDecoderVocabulary(texts, 600));
  });

  it('keeps to its size, and refuses one that holds nothing', () => {
    const texts = someTexts(300, 4);
    for (const size of [105, 300, 1000]) expect(vocabularyOf(buildWordPiece(texts, size))).toHaveLength(size);
    for (const size of [260, 300, 1000])
      expect(vocabularyOf(buildDecoderVocabulary(texts, size)).length).toBeLessThanOrEqual(size);
    expect(() => buildWordPiece([], 104)).toThrow('vocabulary.size is 104; it must be at least 105');
    expect(() => buildDecoderVocabulary([], 259)).toThrow('vocabulary.size is 259; it must be at least 260');
    expect(openTokenizer(buildWordPiece([], 300)).vocabulary).toBe(104);
  });
});

describe('buildDecoderVocabulary', () => {
  it('spends little on the prompt, and reads what it has never seen', () => {
    const tokenizer = openTokenizer(buildDecoderVocabulary(['red shoes', 'red hats'], 400));
    expect(tokenizer.encode('query:')).toHaveLength(2);
    expect(tokenizer.encode('\ntitle:')).toHaveLength(3);
    expect(tokenizer.encode(' RED')).toHaveLength(1);
    expect(tokenizer.encode('東')).toHaveLength(3); // its three bytes
  });
});

describe('tokenizer files', () => {
  const text = (files: readonly { path: string; bytes: Uint8Array }[], path: string): string =>
    Buffer.from(files.find((file) => file.path === path)!.bytes).toString();

  it('are what a Hugging Face directory of the student holds', () => {
    const json = buildWordPiece(['red shoes'], 300);
    const files = bertTokenizerFiles(json, 48);
    expect(files.map(({ path }) => path)).toEqual([
      ...['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'vocab.txt'],
    ]);
    expect(text(files, 'tokenizer.json')).toBe(json);
    expect(text(files, 'vocab.txt').split('\n')).toEqual([...vocabularyOf(json), '']);
    const config: unknown = JSON.parse(text(files, 'tokenizer_config.json'));
    expect(config).toMatchObject({
      tokenizer_class: 'BertTokenizer',
      do_lower_case: true,
      model_max_length: 48,
    });
    expect(openTokenizer(json, text(files, 'tokenizer_config.json')).special).toEqual(
      openTokenizer(json).special,
    );
  });

  it('keep the names that a tokenizer gives its tokens', () => {
    const json = buildWordPiece(['red shoes'], 300).replaceAll('[CLS]', '<cls>').replaceAll('[SEP]', '<sep>');
    const named = JSON.stringify({ cls_token: '<cls>', sep_token: { content: '<sep>', lstrip: false } });
    const files = bertTokenizerFiles(servedTokenizer(json, named), 48, named);
    const names = { cls_token: '<cls>', sep_token: '<sep>', pad_token: '[PAD]' };
    expect(JSON.parse(text(files, 'special_tokens_map.json'))).toMatchObject(names);
    expect(JSON.parse(text(files, 'tokenizer_config.json'))).toMatchObject(names);
    const tokenizer = openTokenizer(json, text(files, 'tokenizer_config.json'));
    const { ids } = tokenizer.encodePair('red', { title: 'shoes', summary: '' }, 8, 'bert');
    expect([ids[0], ids.at(-1)]).toEqual([101, 102]);
  });

  it('say of a pair what the student is trained on, whatever the published ones said', () => {
    const json = buildWordPiece(['red shoes'], 300);
    const right: Record<string, unknown> = JSON.parse(json);
    const changes: object[] = [
      { post_processor: null },
      {
        post_processor: JSON.parse(
          JSON.stringify(right.post_processor).replaceAll('"type_id":1', '"type_id":0'),
        ),
      },
      { truncation: { max_length: 128 }, padding: { pad_id: 0 } },
    ];
    for (const change of changes)
      expect(JSON.parse(servedTokenizer(JSON.stringify({ ...right, ...change }), '{}'))).toEqual(right);
    expect(servedTokenizer(json, '{}')).toBe(json);
  });

  it('name the decoder tokens', () => {
    const json = buildDecoderVocabulary(['red shoes'], 300);
    const files = decoderTokenizerFiles(json, 64);
    expect(openTokenizer(json, text(files, 'tokenizer_config.json')).special).toEqual(
      openTokenizer(json).special,
    );
    expect(() => bertTokenizerFiles(json, 64)).toThrow('a model of type BPE; the student needs WordPiece');
  });
});
