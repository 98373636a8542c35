// The console on a real data directory: what it shows is what is on disk, and what an operator does there is
// done by the desk, with its audit. Without a token in the configuration nothing can be done, and a token
// that is not where the configuration says ends the start by name.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fastify } from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { Board } from '../../src/board.ts';
import { openConsole } from '../../src/commands/console.ts';
import { parseConfig } from '../../src/config.ts';
import { twoGenerations } from '../support/snapshots.ts';

async function serve(token: object | null) {
  const { directory, store, first, second } = await twoGenerations();
  await store.setLive(first.manifest.id);
  const data = dirname(directory);
  writeFileSync(join(data, 'token'), 'open sesame\n');
  const pages = await openConsole({
    ...{ server: 'run', version: '0.0.0', board: new Board(), refresh: async () => {}, data },
    ...{ readiness: () => ({ ready: true, state: 'TRAINING', obstacles: [] }) },
    ...{ serving: null, scorer: null, readerToken: null },
    config: parseConfig({ admin: { token: token && { file: join(data, 'token'), ...token } } }).admin,
  });
  const server = fastify();
  onTestFinished(() => server.close());
  await server.register(pages);
  const post = (url: string, payload: object) =>
    server.inject({ method: 'POST', url, payload, headers: { authorization: 'Bearer open sesame' } });
  const history = async () => (await server.inject('/api/history')).json();
  return { post, history, store, first: first.manifest, second: second.manifest };
}

const by = { who: 'Ada', reason: 'better by hand' };

it('shows what is on disk, and moves the pointer there and back', async () => {
  const { post, history, store, first, second } = await serve({});
  expect(await history()).toMatchObject({
    live: first.id,
    generations: [{ id: first.id }, { id: second.id, cursor: second.cursor }],
  });
  const promoted = await post('/api/promote', { generation: second.id, ...by });
  expect(promoted.json()).toEqual({ live: second.id, before: first.id });
  expect(await store.live()).toBe(second.id);
  expect((await post('/api/rollback', by)).json().live).toBe(first.id);
  expect(await store.live()).toBe(first.id);
});

it('takes the deeds of several operators at once', async () => {
  const { post, first, second } = await serve({});
  const ids = [second.id, first.id, second.id, first.id];
  const answers = await Promise.all(ids.map((id) => post('/api/promote', { generation: id, ...by })));
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200]);
});

it('lets nobody do anything where no token is configured', async () => {
  const { post, store, first, second } = await serve(null);
  const refused = await post('/api/promote', { generation: second.id, ...by });
  expect(refused.statusCode).toBe(403);
  expect(refused.json().error.message).toContain('admin.token');
  expect(await store.live()).toBe(first.id);
});

it.each([
  ['not where it is told', '/nowhere/token'],
  ['empty', '/dev/null'],
])('does not start when its token is %s', async (_, file) => {
  await expect(serve({ file })).rejects.toMatchObject({
    code: 'SECRET_UNREADABLE',
    message: expect.stringContaining('admin.token'),
  });
});
