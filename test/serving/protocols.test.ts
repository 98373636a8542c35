// What clients of Text Embeddings Inference, Cohere, Jina and vLLM send, and what they get, by hand:
// - scores and their order, for every shape of request; sigmoid or logits as the protocol has it
// - texts come back only where they are asked for; usage is told; the header names the generation
// - each protocol says in its own words, with its own status, what it does not take
// - what cannot be done as asked is refused, not passed over; a generation that is not live is not invented
import { describe, expect, it } from 'vitest';
import { openTestDoor } from '../support/door.ts';

// Logits by test/support/small-ranker.ts, generation 7: two for each common word, less the difference of the
// lengths over 64, and 7/8. Of "red lamp" (8 letters):
const query = 'red lamp';
const texts = ['blue sofa', 'a red lamp', 'red'];
/** 0 words, 1 letter; 2 words, 2 letters; 1 word, 5 letters. */
const logits = [0.875 - 1 / 64, 4.875 - 2 / 64, 2.875 - 5 / 64];
const sigmoids = [0.70253, 0.992184, 0.942507];
/** Words and three more: 4 + 3, 5 + 3, 3 + 3. */
const tokens = 21;
const near = (value: number) => expect.closeTo(value, 5);
const order = [1, 2, 0];

describe('Text Embeddings Inference', () => {
  it.each([
    [{}, sigmoids, false],
    [{ raw_scores: true }, logits, false],
    [{ raw_scores: false, return_text: true, truncate: true, truncation_direction: 'Right' }, sigmoids, true],
    [{ raw_scores: null, return_text: null, truncate: null, truncation_direction: null }, sigmoids, false],
  ])('POST /rerank with %j', async (options, scores, withText) => {
    const { post } = await openTestDoor();
    const { status, headers, json } = await post('/rerank', { query, texts, ...options });
    expect(status).toBe(200);
    expect(headers.get('restill-generation')).toBe('g000007');
    expect(json).toEqual(
      order.map((index) => ({
        index,
        score: near(scores[index]!),
        ...(withText ? { text: texts[index] } : {}),
      })),
    );
  });

  it('GET /info and /health', async () => {
    const { get, ranker } = await openTestDoor({ documents_max: 50 });
    expect(await get('/info')).toMatchObject({
      status: 200,
      json: {
        model_id: 'g000007',
        model_sha: 'ab'.repeat(32),
        model_dtype: 'float32',
        model_type: { reranker: { id2label: { 0: 'LABEL_0' }, label2id: { LABEL_0: 0 } } },
        max_input_length: 512,
        max_client_batch_size: 50,
        auto_truncate: true,
        version: '0.0.0',
      },
    });
    expect(await get('/health')).toMatchObject({ status: 200, text: '' });
    ranker.generation = null;
    const unhealthy = { error: 'no generation is live yet', error_type: 'unhealthy' };
    expect(await get('/health')).toMatchObject({ status: 503, json: unhealthy });
    expect(await get('/info')).toMatchObject({ status: 503, json: unhealthy });
  });

  const long = 'word '.repeat(600);
  it.each([
    [{ query, texts: [] }, 400, 'empty'],
    [{ query }, 422, 'validation'],
    [{ query: 7, texts }, 422, 'validation'],
    [{ query, texts: ['a', null] }, 422, 'validation'],
    [[], 422, 'validation'],
    [{ query, texts, raw_scores: 'yes' }, 422, 'validation'],
    [{ query, texts, truncation_direction: 'left' }, 422, 'validation'],
    [{ query, texts: Array(4).fill('a') }, 413, 'validation'],
    [{ query, texts: ['a'.repeat(5001)] }, 413, 'validation'],
    [{ query, texts: [long], truncate: false }, 413, 'validation'],
    ['{"query":', 400, 'validation'],
    ['', 400, 'validation'],
  ])('refuses %j', async (body, status, type) => {
    const { post, log } = await openTestDoor({ documents_max: 3, text_max: 5000 });
    const answer = await post('/rerank', body);
    expect(answer).toMatchObject({ status, json: { error: expect.any(String), error_type: type } });
    expect(answer.headers.get('restill-generation')).toBeNull();
    expect(log).toEqual([]);
  });

  it('cuts a long text unless it is told not to', async () => {
    const { post } = await openTestDoor();
    expect((await post('/rerank', { query, texts: [long] })).status).toBe(200);
  });
});

describe('Cohere and Jina', () => {
  it.each([
    ['/v1/rerank', '1'],
    ['/v2/rerank', '2'],
  ])('POST %s', async (path, version) => {
    const { post } = await openTestDoor();
    const documents = [texts[0], { text: texts[1] }, texts[2]];
    const { status, headers, json } = await post(path, { model: 'rerank-v3.5', query, documents, top_n: 2 });
    expect(status).toBe(200);
    expect(headers.get('restill-generation')).toBe('g000007');
    expect(json).toEqual({
      id: expect.stringMatching(/^[0-9a-z]+-1$/),
      object: 'list',
      model: 'g000007',
      results: [1, 2].map((index) => ({ index, relevance_score: near(sigmoids[index]!) })),
      usage: { prompt_tokens: tokens, total_tokens: tokens },
      meta: { api_version: { version }, billed_units: { search_units: 1 } },
    });
  });

  it('returns documents where they are asked for, and all of them without top_n', async () => {
    const { post } = await openTestDoor();
    const asked = { query, documents: texts, return_documents: true, top_n: null };
    expect((await post('/v1/rerank', asked)).json).toMatchObject({
      results: order.map((index) => ({ index, document: { text: texts[index] } })),
    });
  });

  it.each([
    [{ query, documents: [] }, 400],
    [{ query, documents: [{ title: 'a' }] }, 422],
    [{ query, documents: texts, top_n: 0 }, 422],
    [{ query, documents: texts, top_n: 1.5 }, 422],
    [{ query, documents: Array(1001).fill('a') }, 413],
    ['nonsense', 400],
  ])('refuses %j', async (body, status) => {
    const { post } = await openTestDoor();
    expect(await post('/v2/rerank', body)).toMatchObject({ status, json: { message: expect.any(String) } });
  });
});

describe('vLLM', () => {
  it.each([
    ['text_1', 'text_2'],
    ['queries', 'documents'],
    ['queries', 'items'],
    ['data_1', 'data_2'],
  ])('POST /score of one text beside many, as %s and %s', async (one, many) => {
    const { post } = await openTestDoor();
    const { status, headers, json } = await post('/score', { model: 'm', [one]: query, [many]: texts });
    expect(status).toBe(200);
    expect(headers.get('restill-generation')).toBe('g000007');
    expect(json).toEqual({
      id: expect.any(String),
      object: 'list',
      created: expect.any(Number),
      model: 'g000007',
      data: logits.map((score, index) => ({ index, object: 'score', score: near(score) })),
      usage: { prompt_tokens: tokens, total_tokens: tokens, completion_tokens: 0 },
    });
  });

  it.each([
    [{ text_1: query, text_2: texts[1] }, [logits[1]!]],
    [{ text_1: [query], text_2: texts }, logits],
    [{ text_1: ['blue', 'red', 'red'], text_2: ['blue', 'blue', 'red'] }, [2.875, 0.859375, 2.875]],
    [{ text_1: query, text_2: texts, use_activation: true, truncate_prompt_tokens: -1 }, sigmoids],
  ])('POST /v1/score of %j', async (body, scores) => {
    const { post } = await openTestDoor();
    const data = scores.map((score) => ({ score: near(score) }));
    expect((await post('/v1/score', body)).json).toMatchObject({ data });
  });

  it.each([
    [{ text_1: query }, 400],
    [{ text_1: query, text_2: [] }, 400],
    [{ text_1: [query, query], text_2: texts }, 400],
    [{ text_1: query, text_2: texts, truncate_prompt_tokens: 12 }, 400],
    [{ text_1: query, text_2: Array(1001).fill('a') }, 400],
    [{ text_1: query, text_2: texts, model: 'g000006' }, 404],
  ])('refuses %j', async (body, code) => {
    const { post } = await openTestDoor();
    expect(await post('/score', body)).toMatchObject({
      status: code,
      json: { error: { message: expect.any(String), type: expect.any(String), param: null, code } },
    });
  });

  it('GET /v1/models', async () => {
    const { get, ranker } = await openTestDoor();
    expect((await get('/v1/models')).json).toMatchObject({
      object: 'list',
      data: [{ id: 'g000007', object: 'model', created: 1_767_225_600, max_model_len: 512 }],
    });
    ranker.generation = null;
    expect((await get('/v1/models')).json).toEqual({ object: 'list', data: [] });
  });
});

describe('a model that is named like a generation', () => {
  it.each(['/v1/rerank', '/v2/rerank'])('must be live: %s', async (path) => {
    const { post } = await openTestDoor();
    const ask = (model: string) => post(path, { query, documents: texts, model });
    expect((await ask('g000007')).status).toBe(200);
    expect(await ask('g000008')).toMatchObject({ status: 404, json: { message: expect.any(String) } });
    expect((await ask('../../g000008')).status).toBe(200); // a name like any other, which nobody looks at
  });

  it('may be replaced while it scores', async () => {
    const { post, ranker } = await openTestDoor();
    ranker.hold();
    ranker.generation = 7;
    const answer = post('/v1/rerank', { query, documents: texts, model: 'g000007' });
    await expect.poll(() => ranker.waiting).toBe(1);
    ranker.generation = 8;
    ranker.release();
    expect((await answer).headers.get('restill-generation')).toBe('g000007');
  });
});
