// Invariants 1 to 3 of teacher.http.ts (promises 11 and 12): what is sent, in which order and how often; what
// is repeated and what is not; and what a stop leaves behind. Once over a real connection.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config.ts';
import type { RestillError } from '../../src/errors.ts';
import type { Graded, RemoteTeacher } from '../../src/trainer/grading.ts';
import { openRemoteTeacher } from '../../src/trainer/teacher.http.ts';
import {
  type Answer,
  type Asked,
  inVirtualTime,
  json,
  type ScoreServer,
  scoreServer,
} from '../support/score-server.ts';

const settingsOf = (change: object = {}) =>
  parseConfig({
    teacher: {
      kind: 'remote',
      remote: { url: 'http://localhost:8000/', api: 'vllm', model: 'm', batch: 3, concurrency: 2, ...change },
    },
  }).teacher.remote!;

const token = 'geheim-4711';
const opened = (server: ScoreServer, change: object = {}): RemoteTeacher =>
  openRemoteTeacher({ settings: settingsOf(change), token, timer: server.timer, fetch: server.fetch });

/** `count` documents of a query, each as long as its score says. */
const texts = (query: string, count: number, from = 0): Graded[] =>
  Array.from({ length: count }, (_, i) => ({
    query,
    document: { title: 'x'.repeat(from + i + 1), summary: '' },
  }));

/** Scores a document by its length: what comes back can be told apart. */
const byLength = ({ body }: Asked): Response =>
  json({ data: (body!.text_2 as string[]).map((text, index) => ({ index, score: text.length })).reverse() });

interface Graduated {
  readonly scores: number[] | null;
  readonly steps: { done: number; of: number }[];
}

async function graded(
  teacher: RemoteTeacher,
  server: ScoreServer,
  wanted: readonly Graded[],
  signal = new AbortController().signal,
): Promise<Graduated> {
  const steps: { done: number; of: number }[] = [];
  const work = async (): Promise<Graduated> => {
    const grading = teacher.grade(wanted, signal);
    for (;;) {
      const { done, value } = await grading.next();
      if (done) return { scores: value && [...value], steps };
      steps.push(value);
    }
  };
  return inVirtualTime(server.timer, work());
}

const outcome = async (answer: (asked: Asked, number: number) => Answer, change: object = {}) => {
  const server = scoreServer(answer);
  const error = await graded(opened(server, change), server, texts('rote Schuhe', 1)).then(
    () => null,
    (thrown: RestillError) => thrown,
  );
  expect(server.timer.waiting).toBe(0);
  return { server, error };
};

describe('grading', () => {
  test('scores come in the order of the texts, a query at a time, so many at once', async () => {
    const server = scoreServer(byLength);
    const [red, blue] = [texts('red', 5), texts('blue', 2, 10)];
    const wanted = [red[0]!, blue[0]!, ...red.slice(1), blue[1]!];
    const { scores, steps } = await graded(opened(server), server, wanted);
    expect(scores).toEqual([1, 11, 2, 3, 4, 5, 12]);
    expect(server.asked.map(({ body }) => [body!.text_1, (body!.text_2 as string[]).length])).toEqual([
      ['red', 3],
      ['red', 2],
      ['blue', 2],
    ]);
    expect(server.busiest()).toBe(2);
    expect(steps.at(-1)).toEqual({ done: 3, of: 3 });
    expect(server.timer.waiting).toBe(0);
  });

  test('a request says who asks for what', async () => {
    const server = scoreServer(byLength);
    await graded(opened(server), server, texts('red', 1));
    expect(server.asked).toEqual([
      {
        ...{ url: 'http://localhost:8000/score', method: 'POST', authorization: `Bearer ${token}`, atMs: 0 },
        body: { model: 'm', text_1: 'red', text_2: ['x'], use_activation: false, truncate_prompt_tokens: -1 },
      },
    ]);
  });

  test('nothing to grade asks nothing', async () => {
    const server = scoreServer(byLength);
    expect(await graded(opened(server), server, [])).toEqual({ scores: [], steps: [] });
    expect(server.asked).toEqual([]);
  });
});

describe('what may pass is repeated', () => {
  test.each([408, 425, 429, 500, 502, 503])('%i', async (status) => {
    const { server, error } = await outcome((asked, number) =>
      number < 2 ? json({}, status) : byLength(asked),
    );
    expect(error).toBeNull();
    expect(server.asked.length).toBe(3);
  });

  test('no connection, and no answer in time', async () => {
    const { server, error } = await outcome(
      (asked, number) => (['unreachable', 'hangs'] as const)[number] ?? byLength(asked),
      { timeout: '2s' },
    );
    expect(error).toBeNull();
    expect(server.asked.map(({ atMs }) => Math.floor(atMs / 1000))).toEqual([0, 0, 3]);
  });

  test('later each time, and not for ever', async () => {
    const { server, error } = await outcome(() => json({}, 503), {
      ...{ retries_max: 4, backoff_min: '1s', backoff_max: '4s', breaker_failures: 100 },
    });
    expect(error).toMatchObject({ code: 'TEACHER_UNREACHABLE' });
    const waits = server.asked.slice(1).map(({ atMs }, i) => atMs - server.asked[i]!.atMs);
    for (const [i, most] of [1000, 2000, 4000, 4000].entries()) {
      expect(waits[i]).toBeGreaterThanOrEqual(most / 2);
      expect(waits[i]).toBeLessThanOrEqual(most + 100);
    }
    expect(waits.length).toBe(4);
  });

  test('after failures in a row nothing is sent for the pause', async () => {
    const { server } = await outcome((asked, number) => (number < 3 ? json({}, 503) : byLength(asked)), {
      ...{ backoff_min: '1ms', breaker_failures: 3, breaker_pause: '15s' },
    });
    expect(server.asked[2]!.atMs).toBeLessThan(1000);
    expect(server.asked[3]!.atMs).toBeGreaterThanOrEqual(15_000);
  });

  test('but a success in between ends the row', async () => {
    const server = scoreServer((asked, number) => (number % 3 < 2 ? json({}, 503) : byLength(asked)));
    const settings = { concurrency: 1, backoff_min: '1ms', breaker_failures: 3, breaker_pause: '15s' };
    expect((await graded(opened(server, settings), server, texts('red', 6))).scores?.length).toBe(6);
    expect(server.asked.length).toBe(6);
    expect(server.timer.elapsed()).toBeLessThan(15_000);
  });
});

describe('what will not pass is refused at once', () => {
  test.each([
    ['400', () => json({}, 400)],
    ['401', () => json({}, 401)],
    ['404', () => json({}, 404)],
    ['413', () => json({}, 413)],
    ['424', () => json({}, 424)],
    ['JSON', () => new Response('<html>')],
    ['one finite score', () => json({ data: [] })],
    ['more than 8388608 bytes', () => new Response('x'.repeat(8 * 1024 * 1024 + 1))],
  ])('%s', async (named, answer) => {
    const { server, error } = await outcome(answer);
    expect(error).toMatchObject({
      code: 'TEACHER_REFUSED',
      message: expect.stringContaining(named) as string,
    });
    expect(server.asked.length).toBe(1);
  });

  test('2: and no error tells a text, the token or the answer', async () => {
    const answers: (() => Answer)[] = [
      ...[400, 503].map((status) => () => json({ error: 'rote Schuhe: geheime Antwort' }, status)),
      () => new Response('geheime Antwort'),
      () => 'unreachable',
    ];
    for (const answer of answers) {
      const { error } = await outcome(answer, { retries_max: 1, breaker_failures: 100 });
      const told = [error!.message, String(error!.cause), JSON.stringify(error!.cause)].join();
      expect(told).not.toMatch(/rote Schuhe|geheim/);
    }
  });

  test('one failure of several requests ends them all', async () => {
    const server = scoreServer((asked, number) => (number === 1 ? json({}, 400) : byLength(asked)));
    await expect(graded(opened(server), server, texts('red', 30))).rejects.toMatchObject({
      code: 'TEACHER_REFUSED',
    });
    expect(server.asked.length).toBeLessThan(4);
    expect(server.timer.waiting).toBe(0);
  });
});

describe('an end', () => {
  test('1: a turn is over at its deadline', async () => {
    const { server, error } = await outcome(() => 'hangs', { timeout: '40s', deadline: '60s' });
    expect(error).toMatchObject({ code: 'TEACHER_UNREACHABLE' });
    expect(error!.message).toContain('teacher.remote.deadline (60000 ms)');
    expect(server.timer.elapsed()).toBeLessThan(61_000);
  });

  test.each([
    ['a request', () => 'hangs' as const],
    ['a wait', () => json({}, 503)],
  ])('3: a stop breaks off %s', async (_, answer) => {
    const stop = new AbortController();
    const server = scoreServer((_asked, number) => {
      if (number === 1) server.timer.after(10, () => stop.abort());
      return answer();
    });
    const { scores } = await graded(opened(server), server, texts('red', 30), stop.signal);
    expect(scores).toBeNull();
    expect(server.asked.length).toBeLessThanOrEqual(3);
    expect(server.timer.waiting).toBe(0);
    expect(await opened(server, { model: null }).identify(stop.signal)).toBeNull();
  });
});

describe('which model', () => {
  const { signal } = new AbortController();

  test('the one in the configuration, without asking', async () => {
    const server = scoreServer(() => 'unreachable');
    expect(await opened(server).identify(signal)).toBe('m');
    expect(server.asked).toEqual([]);
  });

  test('else the one that the server says, and that is what it is then asked for', async () => {
    const server = scoreServer((asked) =>
      asked.method === 'GET' ? json({ data: [{ id: 'shop/grader-7' }] }) : byLength(asked),
    );
    const teacher = opened(server, { model: null });
    expect(await teacher.identify(signal)).toBe('shop/grader-7');
    expect(server.asked[0]).toMatchObject({
      url: 'http://localhost:8000/v1/models',
      method: 'GET',
      body: null,
    });
    await graded(teacher, server, texts('red', 1));
    expect(server.asked[1]!.body).toMatchObject({ model: 'shop/grader-7' });
  });

  test('a server that does not say it is refused', async () => {
    const server = scoreServer(() => json({ data: [] }));
    const teacher = opened(server, { model: null });
    await expect(teacher.identify(signal)).rejects.toMatchObject({ code: 'TEACHER_REFUSED' });
  });
});

test('over a real connection', async () => {
  const seen: unknown[] = [];
  const http = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { texts: documents } = JSON.parse(Buffer.concat(chunks).toString()) as { texts: string[] };
      seen.push([
        request.method,
        request.url,
        request.headers['content-type'],
        request.headers.authorization,
      ]);
      response.end(JSON.stringify(documents.map((text, index) => ({ index, score: text.length }))));
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const settings = settingsOf({ url, api: 'tei' });
  const teacher = openRemoteTeacher({ settings, token, timer: systemClock, fetch: globalThis.fetch });
  const grading = teacher.grade(texts('red', 4), new AbortController().signal);
  let next = await grading.next();
  while (!next.done) next = await grading.next();
  expect(next.value).toEqual(Float32Array.of(1, 2, 3, 4));
  expect(seen).toEqual(Array(2).fill(['POST', '/rerank', 'application/json', `Bearer ${token}`]));
});
