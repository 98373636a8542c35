// A server that is asked for scores may be anything. Invariants:
// - whatever it answers, `askServer` gives one finite number for each text, or fails by SERVER_UNSUITED or
//   SERVER_UNREACHABLE, in time and with a short message without control characters
// - an answer is read up to a bound, also when it is packed; a redirect is not followed, so the token stays
// - scores are taken by the index that an answer gives, each once
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createSocketServer, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { GoldenVector } from '../../src/checkpoint/golden.ts';
import { type Protocol, protocols } from '../../src/checkpoint/protocols.ts';
import { askServer } from '../../src/checkpoint/server.http.ts';
import { RestillError } from '../../src/errors.ts';

const golden: GoldenVector[] = ['a', 'b', 'c'].map((document) => ({
  query: 'q',
  document,
  ids: [1, 2, 3],
  segments: [0, 0, 1],
  logit: 0,
  faults: {},
}));

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function answering(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  onTestFinished(() => server.closeAllConnections());
  return listening(server);
}

const ask = (url: string, protocol: Protocol, timeoutMs = 5000) =>
  askServer({ url, protocol, model: 'student', timeoutMs, token: 'secret' }, golden);

/** What is promised of every failure. */
async function failureOf(work: Promise<unknown>): Promise<RestillError> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RestillError);
  const { code, message } = error as RestillError;
  expect(['SERVER_UNSUITED', 'SERVER_UNREACHABLE']).toContain(code);
  expect(message.length).toBeLessThan(600);
  expect(message).not.toMatch(/\p{Cc}/u);
  return error as RestillError;
}

/** A right answer in each protocol, in the order that servers give: by score. */
const right: Readonly<Record<Protocol, unknown>> = {
  tei: [2, 0, 1].map((index) => ({ index, score: index / 2 })),
  cohere: { results: [2, 0, 1].map((index) => ({ index, relevance_score: index / 2 })) },
  vllm: { data: [2, 0, 1].map((index) => ({ index, score: index / 2 })) },
  triton: { model_version: '7', outputs: [{ name: 'logits', data: [0, 0.5, 1] }] },
  tfserving: { predictions: [[0], [0.5], [1]] },
};

/** The same with one value somewhere in it replaced. */
function* spoilt(json: unknown, by: unknown): Generator<unknown> {
  yield by;
  if (typeof json !== 'object' || json === null) return;
  for (const [key, value] of Object.entries(json))
    for (const inner of spoilt(value, by)) {
      const copy = structuredClone(json) as Record<string, unknown>;
      copy[key] = inner;
      yield copy;
    }
}

const values: readonly unknown[] = [
  ...[
    null,
    true,
    '',
    '0.5',
    -1,
    1e9,
    2 ** 32,
    0.5,
    [],
    {},
    [[[1]]],
    'x'.repeat(5000),
    '\u001b[2J\u0007\u202e',
  ],
  ...[{ index: 0, score: 1, relevance_score: 1 }, { length: 3 }, { __proto__: null, toString: 1 }],
];

describe.each(protocols)('a server of %s', (protocol) => {
  it('is understood, whatever the order', async () => {
    const url = await answering((_, response) => void response.end(JSON.stringify(right[protocol])));
    expect((await ask(url, protocol)).scores).toEqual([0, 0.5, 1]);
  });

  it('that spoils one value of its answer is refused, or has given numbers all the same', async () => {
    const answers = values.flatMap((value) => [...spoilt(right[protocol], value)]);
    let at = 0;
    const url = await answering((_, response) => void response.end(JSON.stringify(answers[at])));
    for (; at < answers.length; at++) {
      const outcome = ask(url, protocol);
      const answer = await outcome.catch(() => null);
      if (answer === null) await failureOf(outcome);
      else expect(answer.scores.map((score) => Number.isFinite(score))).toEqual([true, true, true]);
    }
    expect(answers.length).toBeGreaterThan(100);
  });

  it('that answers with anything is refused', async () => {
    let body = '';
    let status = 200;
    const url = await answering((_, response) => void response.writeHead(status).end(body));
    const bodies = fc.oneof(fc.json(), fc.string({ unit: 'binary' }), fc.constantFrom('NaN', '[1e999]', '['));
    await fc.assert(
      fc.asyncProperty(bodies, fc.constantFrom(200, 204, 302, 404, 500), async (text, code) => {
        body = text;
        status = code;
        await failureOf(ask(url, protocol));
      }),
      { numRuns: 40 },
    );
  });
});

describe('scores', () => {
  it.each([
    ['the same twice', [0, 0, 1]],
    ['one too few', [0, 1]],
    ['one too many', [0, 1, 2, 2, 3]],
    ['one far beyond', [0, 1, 4_000_000_000]],
    ['one below', [0, 1, -1]],
  ])('of %s are refused', async (_, indices) => {
    const body = JSON.stringify(indices.map((index) => ({ index, score: 0 })));
    const url = await answering((_request, response) => void response.end(body));
    expect(await failureOf(ask(url, 'tei'))).toMatchObject({ code: 'SERVER_UNSUITED' });
  });

  it.each(['NaN', 'Infinity', '1e999', 'null', '"1"'])('of %s are refused', async (number) => {
    const url = await answering((_, response) => void response.end(`{"predictions":[[0],[${number}],[1]]}`));
    expect(await failureOf(ask(url, 'tfserving'))).toMatchObject({ code: 'SERVER_UNSUITED' });
  });
});

describe('an answer', () => {
  it('of many wrong entries has a short message', async () => {
    const body = JSON.stringify(Array.from({ length: 50_000 }, () => ({ index: 'x' })));
    const url = await answering((_, response) => void response.end(body));
    await failureOf(ask(url, 'tei'));
  });

  it('nested deeply is no matter', async () => {
    const url = await answering(
      (_, response) => void response.end('['.repeat(200_000) + ']'.repeat(200_000)),
    );
    await failureOf(ask(url, 'tei'));
  });

  it('without an end is left at the bound', async () => {
    let sent = 0;
    const url = await answering((_, response) => {
      const more = (): void => {
        while (!response.destroyed) {
          sent += 65_536;
          if (!response.write(' '.repeat(65_536))) return void response.once('drain', more);
        }
      };
      more();
    });
    expect((await failureOf(ask(url, 'tei'))).message).toContain('more than 1048576 bytes');
    // What the sockets between hold comes on top.
    expect(sent).toBeLessThan(64 << 20);
  });

  it('that unpacks to very much is left at the bound', async () => {
    const bomb = gzipSync(Buffer.alloc(64 << 20, ' '));
    expect(bomb.length).toBeLessThan(1 << 20);
    const url = await answering(
      (_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    );
    expect((await failureOf(ask(url, 'tei'))).message).toContain('more than 1048576 bytes');
  });

  it('that comes drop by drop runs out of time', async () => {
    const url = await answering((_, response) => {
      const drops = setInterval(() => response.write(' '), 20);
      response.once('close', () => clearInterval(drops));
    });
    expect(await failureOf(ask(url, 'tei', 200))).toMatchObject({ code: 'SERVER_UNREACHABLE' });
  });

  it('that sends us on is not followed', async () => {
    let asked = 0;
    const other = await answering((_, response) => {
      asked++;
      response.end(JSON.stringify(right.tei));
    });
    const url = await answering((_, response) => void response.writeHead(307, { location: other }).end());
    expect(await failureOf(ask(url, 'tei'))).toMatchObject({
      code: 'SERVER_UNSUITED',
      message: expect.stringContaining('answers 307'),
    });
    expect(asked).toBe(0);
  });

  it.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['headers without end', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}`],
    ['less than it said', 'HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n[]'],
    ['a chunk that is none', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'],
    ['nothing', ''],
  ])('of %s does not hang', async (_, bytes) => {
    const reply = (socket: Socket) => {
      socket.on('error', () => {}); // the client has gone: that is the point
      socket.once('data', () => socket.end(bytes));
    };
    const url = await listening(createSocketServer(reply));
    expect(await failureOf(ask(url, 'tei'))).toMatchObject({ code: 'SERVER_UNREACHABLE' });
  });
});
