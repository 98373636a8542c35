// Conformance with recorded answers (test/data/remote-teacher), what is asked for, and that an answer which
// is not one finite score for each document is none.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { scoreApis } from '../../src/trainer/score-api.ts';

const recorded = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../data/remote-teacher/${name}.json`, import.meta.url), 'utf8'));
const { vllm, tei } = scoreApis;

describe('vllm', () => {
  test('asks for logits, cut to the length of the model', () => {
    expect([vllm.path, vllm.body('q', ['a', 'b'], 'm')]).toEqual([
      '/score',
      { model: 'm', text_1: 'q', text_2: ['a', 'b'], use_activation: false, truncate_prompt_tokens: -1 },
    ]);
  });

  test('recorded answers', () => {
    expect(vllm.scoresOf(recorded('vllm-score'), 3)).toEqual(Float32Array.of(2.53125, -4.0625, 0.25));
    expect([vllm.identity, vllm.modelOf(recorded('vllm-models'))]).toEqual(['/v1/models', 'shop/grader-7']);
  });
});

describe('tei', () => {
  test('asks for raw scores, cut to the length of the model', () => {
    expect([tei.path, tei.body('q', ['a', 'b'], 'm')]).toEqual([
      '/rerank',
      { query: 'q', texts: ['a', 'b'], raw_scores: true, return_text: false, truncate: true },
    ]);
  });

  test('recorded answers, which come best first', () => {
    expect(tei.scoresOf(recorded('tei-rerank'), 3)).toEqual(Float32Array.of(2.53125, -4.0625, 0.25));
    expect(tei.modelOf(recorded('tei-info'))).toBe('shop/grader@fca14538aa9956a46526bd1d0d11d69e19b5a101');
    expect(tei.modelOf({ model_id: '/data', model_sha: null })).toBe('/data');
  });
});

describe.each([
  ['vllm', (data: unknown) => vllm.scoresOf({ data }, 2)],
  ['tei', (data: unknown) => tei.scoresOf(data, 2)],
])('%s: no answer is', (_, scoresOf) => {
  const one = { index: 0, score: 1 };
  test.each([
    [[one]],
    [[one, one]],
    [[one, { index: 2, score: 1 }]],
    [[one, { index: 1, score: null }]],
    [[one, { index: 1, score: 1e300 }]],
    [[one, { index: 1, score: '1' }]],
    [[one, { index: -1, score: 1 }]],
    [[one, { index: 1, score: 1 }, { index: 2, score: 1 }]],
    [null],
    ['x'],
    [{ error: 'x' }],
  ])('%j', (data) => expect(scoresOf(data)).toBeNull());
  test('but this is one', () =>
    expect(scoresOf([one, { index: 1, score: 2 }])).toEqual(Float32Array.of(1, 2)));
});

test.each([{}, null, { data: [] }, { data: [{ id: '' }] }, { model_id: 7 }])(
  'no model is in %j',
  (answer) => {
    expect([vllm.modelOf(answer), tei.modelOf(answer)]).toEqual([null, null]);
  },
);
