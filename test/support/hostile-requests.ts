// Requests as nobody should send them, by a seed, each with the status codes that are right for it.
import type { Random } from '../../src/random.ts';

export interface HostileRequest {
  readonly kind: string;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  readonly right: readonly number[];
}

export interface Bounds {
  readonly bodyMax: number;
  readonly documentsMax: number;
  readonly textMax: number;
}

const json = { 'content-type': 'application/json' };
const paths = ['/rerank', '/v1/rerank', '/v2/rerank', '/score', '/v1/score'] as const;

/** Letters, and what has broken readers of text before. */
const pieces = [
  ...[
    'red',
    'lamp',
    ' ',
    '\t',
    '\n',
    '"',
    '\\',
    '\0',
    '\u001b[31m',
    '\u202e',
    '\ufeff',
    '\u00ad',
    'é',
    'e\u0301',
  ],
  ...[
    '\ud800',
    '\udc00',
    '\ud83d\ude00',
    '\u200d',
    '中文',
    'ß',
    'İ',
    '<script>',
    '{{x}}',
    '%00',
    '../../etc/passwd',
  ],
  ...[
    '[CLS]',
    '[SEP]',
    '[PAD]',
    '##ing',
    '\uffff',
    '\u{10ffff}',
    '-1',
    '1e309',
    '__proto__',
    '$where',
    "' OR 1=1",
  ],
];

const text = (random: Random): string =>
  Array.from({ length: random.below(12) }, () => pieces[random.below(pieces.length)]!).join(
    random.below(2) === 0 ? '' : ' ',
  );

const texts = (random: Random, most = 6): string[] =>
  Array.from({ length: 1 + random.below(most) }, () => text(random));

/** Any JSON value, seldom deep. */
function anything(random: Random, depth = 0): unknown {
  const kind = random.below(depth > 3 ? 6 : 8);
  if (kind === 0) return null;
  if (kind === 1) return random.below(2) === 0;
  if (kind === 2) return [0, -1, 1.5, 1e308, -1e-308, 2 ** 53][random.below(6)];
  if (kind < 6) return text(random);
  const items = Array.from({ length: random.below(4) }, () => anything(random, depth + 1));
  if (kind === 6) return items;
  return Object.fromEntries(items.map((item) => [names[random.below(names.length)]!, item]));
}

const names = [
  ...[
    'query',
    'texts',
    'documents',
    'top_n',
    'raw_scores',
    'return_text',
    'truncate',
    'text_1',
    'text_2',
    'model',
  ],
  ...[
    'queries',
    'items',
    'data_1',
    'data_2',
    'text',
    'use_activation',
    '__proto__',
    'constructor',
    'toString',
    '',
  ],
];

/** A right request; `count` is of the documents. */
function rightBody(random: Random, path: string, documents: readonly string[]): Record<string, unknown> {
  const query = text(random);
  if (path === '/rerank') return { query, texts: documents, raw_scores: random.below(2) === 0 };
  if (path.endsWith('score')) return { text_1: query, text_2: documents };
  return { query, documents, model: ['m', '../../g000001', 'g000007'][random.below(3)] };
}

type Maker = (random: Random, path: string, bounds: Bounds) => Omit<HostileRequest, 'path' | 'kind'>;

const post = { method: 'POST', headers: json };
/** Whatever it is, it must be one of these. */
const refused = [400, 404, 413, 415, 422];

const makers: Readonly<Record<string, Maker>> = {
  'odd texts': (random, path) => ({
    ...{ ...post, right: [200] },
    body: JSON.stringify(rightBody(random, path, texts(random))),
  }),
  'odd values': (random, path) => {
    const body = rightBody(random, path, texts(random));
    for (let i = 0; i <= random.below(3); i++) body[names[random.below(names.length)]!] = anything(random);
    return { ...post, body: JSON.stringify(body), right: [200, ...refused] };
  },
  'any JSON': (random) => {
    const value = anything(random);
    return { ...post, body: JSON.stringify(value) ?? 'null', right: [200, ...refused] };
  },
  'broken bytes': (random, path) => {
    const bytes = Buffer.from(JSON.stringify(rightBody(random, path, texts(random))));
    for (let i = 0; i <= random.below(8); i++) bytes[random.below(bytes.length)] = random.below(256);
    return { ...post, body: bytes, right: [200, ...refused] };
  },
  'cut short': (random, path) => {
    const whole = JSON.stringify(rightBody(random, path, texts(random)));
    return { ...post, body: whole.slice(0, random.below(whole.length)), right: [400] };
  },
  'an unknown generation': (random, path) => ({
    ...post,
    body: JSON.stringify({
      ...rightBody(random, path, texts(random)),
      model: `g${900_000 + random.below(99_999)}`,
    }),
    right: [path === '/rerank' ? 200 : 404],
  }),
  'at the bound of bytes': (random, path, { bodyMax }) => {
    const bytes = bodyMax - 2 + random.below(5);
    const body = JSON.stringify(rightBody(random, path, ['a'])).padEnd(bytes, ' ');
    return { ...post, body, right: [Buffer.byteLength(body) > bodyMax ? 413 : 200] };
  },
  'at the bound of documents': (random, path, { documentsMax }) => {
    const count = documentsMax - 1 + random.below(3);
    const body = JSON.stringify(rightBody(random, path, Array(count).fill('a')));
    const tooMany = path.endsWith('score') ? 400 : 413;
    return { ...post, body, right: [count > documentsMax ? tooMany : 200] };
  },
  'at the bound of a text': (random, path, { textMax }) => {
    const length = textMax - 1 + random.below(3);
    const body = JSON.stringify(rightBody(random, path, ['b'.repeat(length)]));
    const tooLong = path.endsWith('score') ? 400 : 413;
    return { ...post, body, right: [length > textMax ? tooLong : 200] };
  },
  deep: (random) => {
    const depth = 1000 + random.below(4000);
    return { ...post, body: '['.repeat(depth) + ']'.repeat(depth), right: [422, 400] };
  },
  'another media type': (random, path) => ({
    ...{ method: 'POST', right: [415] },
    headers: {
      'content-type': ['text/plain', 'application/xml', 'x', 'multipart/form-data'][random.below(4)]!,
    },
    body: JSON.stringify(rightBody(random, path, ['a'])),
  }),
  'odd headers': (random, path) => ({
    ...{ method: 'POST', right: [200, 431] },
    headers: {
      ...json,
      [`x-${random.below(1000)}`]: 'v'.repeat(random.below(12_000)),
      authorization: `Bearer ${'t'.repeat(random.below(4000))}`,
      cookie: 'a=b; '.repeat(random.below(500)),
      'accept-encoding': 'gzip, br, identity;q=0, *;q=0',
    },
    body: JSON.stringify(rightBody(random, path, ['a'])),
  }),
  'another method': (random) => ({
    ...{ headers: {}, body: '', right: [404] },
    method: ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'][random.below(6)]!,
  }),
};

const tricks = [
  ...[
    '/../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/rerank/..%2f..%2fgenerations',
    '//rerank',
    '/rerank%00',
  ],
  ...[
    '/generations/g000001/manifest.json',
    '/g000001/../g000002',
    '/%',
    '/rerank;a=b',
    `/${'a/'.repeat(2000)}`,
  ],
];

/** Endless, the same for the same random state. */
export function hostileRequest(random: Random, bounds: Bounds): HostileRequest {
  const path = paths[random.below(paths.length)]!;
  const kinds = Object.keys(makers);
  const at = random.below(kinds.length + 1);
  if (at === kinds.length) {
    const trick = tricks[random.below(tricks.length)]!;
    return { kind: 'path', path: trick, method: 'GET', headers: {}, body: '', right: [400, 404] };
  }
  const kind = kinds[at]!;
  return { kind, path, ...makers[kind]!(random, path, bounds) };
}

/** What is no HTTP, or not quite. */
export const brokenStreams: readonly (string | Buffer)[] = [
  '\r\n\r\n\r\n',
  'GET\r\n\r\n',
  'GET / HTTP/9.9\r\n\r\n',
  'POST /rerank HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n',
  'POST /rerank HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n',
  'POST /rerank HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n{}',
  'POST /rerank HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  'POST /rerank HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n',
  'POST /rerank HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n',
  `GET /readyz HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`,
  `GET /${'z'.repeat(70_000)} HTTP/1.1\r\nhost: a\r\n\r\n`,
  'GET /readyz HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n',
  Buffer.from('16030100c8010000c403035f', 'hex'), // somebody tries TLS
  Buffer.from([0, 1, 2, 3, 255, 254, 253]),
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
];
