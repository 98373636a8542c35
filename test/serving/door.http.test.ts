// The door over real HTTP:
// - a token is asked for everywhere but by probes, and only the right one will do
// - bodies, connections and the time that requests take are bounded; what is full says when to come again
// - what nobody waits for any more is called off
// - a stop answers what has come in and takes in nothing more; at its deadline the rest is cut off
// - what fails is logged by its code, without a word of what was sent; every answer is counted
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { RestillError } from '../../src/errors.ts';
import { openTestDoor } from '../support/door.ts';
import { generationOf } from '../support/small-ranker.ts';

const body = { query: 'my secret wish', texts: ['a secret wish', 'b'] };

describe('a token', () => {
  it('is asked for, whatever is asked', async () => {
    const { post, get } = await openTestDoor({}, { token: 'open sesame' });
    for (const [wrong, challenge] of [
      [{}, 'Bearer'],
      [{ authorization: 'Bearer' }, 'Bearer'],
      [{ authorization: 'Bearer open' }, 'Bearer'],
      [{ authorization: 'Bearer open sesame2' }, 'Bearer'],
      [{ authorization: 'Basic b3BlbiBzZXNhbWU=' }, 'Bearer'],
    ] as const) {
      const answer = await post('/rerank', body, wrong);
      expect(answer).toMatchObject({ status: 401, json: { error_type: 'unauthorized' } });
      expect(answer.headers.get('www-authenticate')).toBe(challenge);
    }
    expect((await post('/v1/rerank', 'no JSON')).status).toBe(401);
    for (const path of ['/info', '/metrics', '/v1/models']) expect((await get(path)).status).toBe(401);
    for (const path of ['/health', '/healthz', '/readyz']) expect((await get(path)).status).toBe(200);
  });

  it('lets in who has it', async () => {
    const { post, get } = await openTestDoor({}, { token: 'open sesame' });
    const authorization = 'Bearer open sesame';
    expect((await post('/rerank', body, { authorization })).status).toBe(200);
    expect((await get('/metrics', { authorization })).text).toBe('figures\n');
  });
});

describe('what is asked', () => {
  it('is counted, with its status', async () => {
    const { post, get, board } = await openTestDoor();
    await post('/rerank', body);
    await post('/v1/rerank', '{');
    await get('/nowhere');
    await expect.poll(() => board.samples('restill_serve_requests_total', 0).length).toBe(3);
    expect(board.samples('restill_serve_requests_total', 0).map(({ labels }) => labels)).toEqual([
      { api: 'tei', status: '200' },
      { api: 'cohere', status: '400' },
      { api: 'other', status: '404' },
    ]);
    expect(board.samples('restill_serve_documents_total', 0)).toEqual([{ labels: {}, value: 2 }]);
    expect(board.samples('restill_serve_tokens_total', 0)).toEqual([{ labels: {}, value: 16 }]);
  });

  it.each([
    [
      'an old port',
      { code: 'GENERATION_UNPROVEN', generation: generationOf(8), message: 'in /srv/x', at: 1 },
    ],
    ['nothing', null],
  ])('/readyz says why it is not ready, but no path: %s', async (_, refusal) => {
    const { get, ranker } = await openTestDoor();
    expect((await get('/readyz')).json).toMatchObject({ ready: true, state: 'SERVING', obstacles: [] });
    ranker.generation = null;
    ranker.refusal = refusal;
    const { status, json, text } = await get('/readyz');
    expect(status).toBe(503);
    expect(json).toMatchObject({ ready: false, state: 'WAITING', generation: null });
    const { obstacles } = json as { obstacles: { code: string }[] };
    expect(obstacles.map(({ code }) => code)).toEqual([
      'SERVE_NOT_READY',
      ...(refusal === null ? [] : ['GENERATION_UNPROVEN']),
    ]);
    expect(text).not.toContain('srv');
  });

  it.each([
    ['BACKEND_FAILED', () => new RestillError('BACKEND_FAILED', 'no memory'), { message: 'no memory' }],
    ['BUG', () => new TypeError('cannot read my secret wish'), { name: 'TypeError' }],
    ['BUG', () => 'my secret wish', {}],
  ])('that fails with %s is logged without its text', async (code, breaks, fields) => {
    const { post, ranker, log } = await openTestDoor();
    ranker.breaks = breaks;
    const failed = { error: 'scoring failed; the log says more', error_type: 'backend' };
    expect(await post('/rerank', body)).toMatchObject({ status: 424, json: failed });
    expect(await post('/v1/rerank', { query: 'a', documents: ['b'] })).toMatchObject({ status: 500 });
    expect(log[0]).toEqual(['serve.failed', expect.objectContaining({ code, ...fields })]);
    expect(JSON.stringify(log)).not.toContain('secret');
  });
});

it('a student that died is loaded again: come again, too', async () => {
  const { post, ranker } = await openTestDoor();
  ranker.breaks = () => new RestillError('SERVE_ENGINE_DIED', 'killed');
  const { status, headers } = await post('/rerank', body);
  expect({ status, after: headers.get('retry-after') }).toEqual({ status: 503, after: '1' });
});

describe('bounds', () => {
  it('of bodies, media types and paths', async () => {
    const { post, get } = await openTestDoor({ body_max: '1KiB', text_max: 512, documents_max: 900 });
    expect((await post('/rerank', { ...body, query: 'a'.repeat(2000) })).status).toBe(413);
    expect((await post('/rerank', 'query=a', { 'content-type': 'text/plain' })).status).toBe(415);
    for (const path of ['/rerank/../../etc/passwd', '/%2e%2e/x', '/v3/rerank', '/rerank/', '/%zz'])
      expect([400, 404]).toContain((await get(path)).status);
  });

  it('of the queue: come again', async () => {
    const { post, ranker } = await openTestDoor();
    ranker.queueMax = 3;
    ranker.hold();
    const first = post('/rerank', body);
    await expect.poll(() => ranker.waiting).toBe(1);
    for (const [path, asked] of [
      ['/rerank', body],
      ['/v2/rerank', { query: 'a', documents: ['b', 'c'] }],
      ['/score', { text_1: 'a', text_2: ['b', 'c'] }],
    ] as const) {
      const { status, headers } = await post(path, asked);
      expect({ status, after: headers.get('retry-after') }).toEqual({ status: 429, after: '2' });
    }
    ranker.release();
    expect((await first).status).toBe(200);
  });

  it('of the time to an answer', async () => {
    const { post, ranker } = await openTestDoor({ answer_timeout: '50ms' });
    ranker.hold();
    expect(await post('/rerank', body)).toMatchObject({ status: 503, json: { error_type: 'overloaded' } });
    expect(ranker.aborted).toBe(1);
  });

  it('of the time that a request takes to arrive', async () => {
    const { port } = await openTestDoor({ request_timeout: '200ms' });
    const halves = ['', 'POST /rerank HTTP/1.1\r\nhost: a\r\ncontent-le', `${head(100)}{"query"`];
    const answers = await Promise.all(halves.map((half) => rawAnswer(port, half)));
    for (const answer of answers) expect(answer === '' || / 408 /.test(answer)).toBe(true);
  });

  it('of connections', async () => {
    const { port } = await openTestDoor({ connections_max: 2, request_timeout: '1h' });
    const sockets = await Promise.all([1, 2, 3].map(() => connected(port)));
    await Promise.race(sockets.map(closed));
    expect(sockets.filter((socket) => !socket.destroyed).length).toBe(2);
    for (const socket of sockets) socket.destroy();
  });
});

it('calls off what nobody waits for', async () => {
  const { port, ranker } = await openTestDoor();
  ranker.hold();
  const socket = await connected(port);
  const text = JSON.stringify(body);
  socket.write(`${head(text.length)}${text}`);
  await expect.poll(() => ranker.waiting).toBe(1);
  socket.destroy();
  await expect.poll(() => ranker.aborted).toBe(1);
});

describe('a stop', () => {
  it('answers what has come in, refuses what comes then, and waits for nobody who says nothing', async () => {
    const { door, port, post, ranker } = await openTestDoor({ request_timeout: '1h' });
    ranker.hold();
    const answer = post('/rerank', body);
    const [quiet, late] = await Promise.all([connected(port), connected(port)]);
    late.write('POST /rerank HTTP/1.1\r\nhost: a\r\n');
    await expect.poll(() => ranker.waiting).toBe(1);
    const stopped = door.close(60_000);
    await expect(connected(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const refused = received(late);
    late.write(`content-type: application/json\r\ncontent-length: 2\r\n\r\n{}`);
    expect(await refused).toMatch(/^HTTP\/1\.1 503 (?=.*\r\nretry-after: 1\r\n)(?=.*connection: close)/is);
    ranker.release();
    const { status, headers } = await answer;
    expect({ status, connection: headers.get('connection') }).toEqual({ status: 200, connection: 'close' });
    expect(await stopped).toBe(true);
    await Promise.all([quiet, late].map(closed));
  });

  it('cuts off the rest at its deadline, and says so', async () => {
    const { door, post, ranker } = await openTestDoor();
    ranker.hold();
    const answer = post('/rerank', body);
    await expect.poll(() => ranker.waiting).toBe(1);
    const refused = expect(answer).rejects.toThrow();
    expect(await door.close(50)).toBe(false);
    await refused;
    await expect.poll(() => ranker.aborted).toBe(1);
  });
});

const head = (length: number): string =>
  `POST /rerank HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;

const connected = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', reject).resume();
  });

const closed = (socket: Socket): Promise<void> =>
  socket.destroyed ? Promise.resolve() : new Promise((resolve) => socket.once('close', () => resolve()));

/** All that comes until the other side ends the connection. */
function received(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  return closed(socket).then(() => text);
}

async function rawAnswer(port: number, request: string): Promise<string> {
  const socket = await connected(port);
  socket.write(request);
  return received(socket);
}
