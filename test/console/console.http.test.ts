// The console's API and page over real HTTP: every file is served under a policy that lets nothing inline or
// foreign run; answers have tags and a known tag is answered with 304; what moves the pointer needs the
// operator's token, a name and a reason; what comes in is bounded; errors say what to do and never repeat
// what was sent.
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConsoleParts, Scorer, Shelf } from '../../src/console/ports.ts';
import type { GenerationId } from '../../src/contract.ts';
import { RestillError } from '../../src/errors.ts';
import {
  type ConsoleUnderTest,
  lengthScorer,
  manifestOf,
  openTestConsole,
  operatorToken,
} from '../support/console.ts';

const opened: ConsoleUnderTest[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

const two: Shelf = {
  live: 'g000002' as GenerationId,
  before: 'g000001' as GenerationId,
  manifests: [manifestOf(1), manifestOf(2)],
  curve: [],
};

async function serve(given: Partial<ConsoleParts> = {}) {
  const one = await openTestConsole({ on: two, ...given });
  opened.push(one);
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${one.address}${path}`, { redirect: 'manual', ...init });
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    return { response, status: response.status, text, body: type.includes('json') ? JSON.parse(text) : null };
  };
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  return { ...one, ask, post };
}

const bearer = { authorization: `Bearer ${operatorToken}` };
const by = { who: 'Ada', reason: 'it ranked better by hand' };

describe('the page', () => {
  it('is found from the top, and loads nothing that is not served here', async () => {
    const { ask } = await serve();
    expect((await ask('/')).response.headers.get('location')).toBe('console/');
    const { status, text } = await ask('/console/');
    expect(status).toBe(200);
    const paths = [...text.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, path]) => path!);
    const [, map = ''] = /<script type="importmap">(.*?)<\/script>/.exec(text) ?? [];
    const { imports } = JSON.parse(map) as { imports: Record<string, string> };
    for (const path of [...paths, ...Object.values(imports).map((target) => target.slice(2))])
      expect({ path, status: (await ask(`/console/${path}`)).status }).toEqual({ path, status: 200 });
    expect(paths.length + Object.keys(imports).length).toBeGreaterThan(7);
    expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  it('lets the import map run by its digest, and nothing else that is inline', async () => {
    const { ask } = await serve();
    const { response, text } = await ask('/console/');
    const policy = response.headers.get('content-security-policy')!;
    const [, map = ''] = /<script type="importmap">(.*?)<\/script>/.exec(text) ?? [];
    expect(policy).toContain(`'sha256-${createHash('sha256').update(map).digest('base64')}'`);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*|http/);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('is answered with 304 where its tag is known', async () => {
    const { ask } = await serve();
    const etag = (await ask('/console/app.mjs')).response.headers.get('etag')!;
    const again = await ask('/console/app.mjs', { headers: { 'if-none-match': `"x", W/${etag}` } });
    expect(again).toMatchObject({ status: 304, text: '' });
  });

  it('serves no other file', async () => {
    const { ask } = await serve();
    for (const path of [
      '../package.json',
      '..%2fview.ts',
      'tsconfig.json',
      'lib/../../../package.json',
      '%00',
    ])
      expect((await ask(`/console/${path}`)).status).toBeGreaterThanOrEqual(400);
  });
});

describe('status and history', () => {
  it.each([
    ['/api/status', (one: ConsoleUnderTest) => one.board.set('restill_trainer_up', 1)],
    ['/api/history', ({ shelf }: ConsoleUnderTest) => Object.assign(shelf, { live: 'g000001' })],
  ] as const)(
    '%s has a tag that stays while nothing happens, and changes when something does',
    async (path, change) => {
      const one = await serve();
      const etag = (await one.ask(path)).response.headers.get('etag')!;
      const again = () => one.ask(path, { headers: { 'if-none-match': etag } });
      expect((await again()).status).toBe(304);
      change(one);
      expect((await again()).status).toBe(200);
    },
  );

  it('look at the disk once a second, however many ask', async () => {
    let looks = 0;
    let now = 0;
    const shelf = async () => {
      looks++;
      return two;
    };
    const { ask } = await serve({ elapsed: () => now, shelf });
    const five = () => Promise.all(Array.from({ length: 5 }, () => ask('/api/history')));
    await five();
    expect(looks).toBe(1);
    now = 1000;
    await five();
    expect(looks).toBe(2);
  });

  it('say what tells two generations apart', async () => {
    const { ask } = await serve();
    const { body } = await ask('/api/difference?from=g000001&to=g000002');
    expect(body.facts).toContainEqual({ name: 'groups learnt', from: '1000', to: '2000' });
    expect(body.facts.map(({ name }: { name: string }) => name)).not.toContain('topic');
    expect(body.figures).toContainEqual({ name: 'judgments.student.ndcg10', from: 0.61, to: 0.62 });
    expect((await ask('/api/difference?from=g000001&to=../../etc')).status).toBe(404);
    expect((await ask('/api/difference?from=g000001')).status).toBe(400);
  });

  it('fail by name where the disk does, and the next one tries again', async () => {
    const { ask } = await serve({
      refresh: () => Promise.reject(new RestillError('STORE_READ_FAILED', 'the disk is gone')),
    });
    expect(await ask('/api/status')).toMatchObject({
      status: 500,
      body: { error: { code: 'STORE_READ_FAILED', message: 'the disk is gone' } },
    });
    expect((await ask('/api/history')).status).toBe(200);
  });
});

describe('promote and rollback', () => {
  it('move the pointer and say who and why', async () => {
    const { post, deeds, ask } = await serve();
    expect(await post('/api/promote', { generation: 'g000001', ...by }, bearer)).toMatchObject({
      status: 200,
      body: { live: 'g000001', before: 'g000002' },
    });
    expect((await ask('/api/history')).body.live).toBe('g000001');
    expect((await post('/api/rollback', by, bearer)).body.live).toBe('g000002');
    expect(deeds).toEqual([
      'promote g000001 by Ada: it ranked better by hand',
      'rollback to g000001 by Ada: it ranked better by hand'.replace('g000001', 'g000002'),
    ]);
  });

  it.each([
    ['no token', {}],
    ['another token', { authorization: 'Bearer open sesam' }],
    ['a longer one', { authorization: `Bearer ${operatorToken}x` }],
    ['another scheme', { authorization: `Basic ${operatorToken}` }],
  ])('do nothing with %s', async (_, headers) => {
    const { post, deeds } = await serve();
    for (const path of ['/api/promote', '/api/rollback']) {
      const { response, status } = await post(path, { generation: 'g000001', ...by }, headers);
      expect({ status, asks: response.headers.get('www-authenticate') }).toEqual({
        status: 401,
        asks: 'Bearer',
      });
    }
    expect(deeds).toEqual([]);
  });

  it('are closed, with the reason, where there is no token', async () => {
    const { post, ask } = await serve({ operator: { closed: 'no admin.token is configured' } });
    expect(await post('/api/rollback', by, bearer)).toMatchObject({
      status: 403,
      body: { error: { message: 'no admin.token is configured' } },
    });
    expect((await ask('/api/status')).body.operator).toEqual({
      able: false,
      reason: 'no admin.token is configured',
    });
  });

  it.each([
    ['nobody', { generation: 'g000001', who: ' ', reason: 'because' }, 400],
    ['no reason', { generation: 'g000001', who: 'Ada', reason: '' }, 400],
    ['a generation that is not there', { generation: 'g000009', ...by }, 404],
    ['a path', { generation: '../../../etc/passwd', ...by }, 404],
    ['a field too many', { generation: 'g000001', force: true, ...by }, 400],
    ['more than it takes', { generation: 'g000001', who: 'Ada', reason: 'x'.repeat(5000) }, 413],
  ])('refuse %s', async (_, body, status) => {
    const { post, deeds } = await serve();
    const answer = await post('/api/promote', body, bearer);
    expect(answer.status).toBe(status);
    expect(answer.text).not.toContain('passwd');
    expect(deeds).toEqual([]);
  });

  it('take JSON only: what a form of another site can send is refused', async () => {
    const { ask, deeds } = await serve();
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])
      expect(
        (
          await ask('/api/rollback', {
            method: 'POST',
            headers: { ...bearer, 'content-type': type },
            body: JSON.stringify(by),
          })
        ).status,
      ).toBe(415);
    expect(deeds).toEqual([]);
  });
});

describe('a server with a token for everybody', () => {
  it('says nothing without it; the page itself can be loaded, to ask for it', async () => {
    const { ask, post } = await serve({ readerToken: 'reader', scorer: lengthScorer });
    for (const path of ['/api/status', '/api/history', '/api/difference?from=g000001&to=g000002'])
      expect((await ask(path)).status).toBe(401);
    expect((await post('/api/try', { query: 'a', documents: ['b'] })).status).toBe(401);
    expect((await ask('/console/')).status).toBe(200);
    for (const token of ['reader', operatorToken])
      expect((await ask('/api/status', { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
    expect((await post('/api/rollback', by, { authorization: 'Bearer reader' })).status).toBe(401);
  });
});

describe('the box to try', () => {
  it('scores with both, in the order of the documents', async () => {
    const { post } = await serve({ scorer: lengthScorer });
    const { body } = await post('/api/try', { query: 'ab', documents: ['abc', 'a', 'abcdef'] });
    expect(body.live).toMatchObject({ generation: 'g000002', scores: [1, -1, 4] });
    expect(body.candidate).toMatchObject({ generation: 'g000003', scores: [-1, 1, -4] });
  });

  it('shows one without the other', async () => {
    const alone: Scorer = {
      score: (query, documents, options) =>
        options.which === 'live'
          ? lengthScorer.score(query, documents, options)
          : Promise.reject(new RestillError('SERVE_NOT_READY', 'there is no candidate')),
    };
    const { body, status } = await (await serve({ scorer: alone })).post('/api/try', {
      query: 'ab',
      documents: ['abc'],
    });
    expect({ status, live: body.live.scores, candidate: body.candidate }).toEqual({
      status: 200,
      live: [1],
      candidate: { error: { code: 'SERVE_NOT_READY', message: 'there is no candidate' } },
    });
  });

  it.each([
    ['no query', { query: '', documents: ['a'] }],
    ['no document', { query: 'a', documents: [] }],
    ['too many', { query: 'a', documents: Array.from({ length: 51 }, () => 'x') }],
    ['too long a one', { query: 'a', documents: ['x'.repeat(4001)] }],
  ])('refuses %s', async (_, body) => {
    expect((await (await serve({ scorer: lengthScorer })).post('/api/try', body)).status).toBe(400);
  });

  it('drops what nobody waits for any more', async () => {
    let aborted: (() => void) | undefined;
    const isAborted = new Promise<void>((resolve) => (aborted = resolve));
    let begun: (() => void) | undefined;
    const isBegun = new Promise<void>((resolve) => (begun = resolve));
    const slow: Scorer = {
      score: (_query, _documents, { signal }) =>
        new Promise((_, reject) => {
          begun?.();
          signal.addEventListener('abort', () => {
            aborted?.();
            reject(new RestillError('SERVE_NOT_READY', 'gone'));
          });
        }),
    };
    const { address } = await serve({ scorer: slow });
    const leave = new AbortController();
    const asked = fetch(`${address}/api/try`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: 'a', documents: ['b'] }),
      signal: leave.signal,
    }).catch(() => 'left');
    await isBegun;
    leave.abort();
    expect(await asked).toBe('left');
    await isAborted;
  });

  it('says where it is when this process scores nothing', async () => {
    const { post } = await serve();
    expect((await post('/api/try', { query: 'a', documents: ['b'] })).body.error.message).toContain(
      'restill serve',
    );
  });
});
