// `restill serve` as a process, with real generations and a real engine:
// - it starts before any generation is live, says so, and goes live by itself
// - restill verify passes in every protocol that it speaks, and notices another generation by the header
// - another generation goes live without a restart; figures and the log tell; of a query the log has nothing
// - a token keeps out who has none; an address that all can reach is warned of
// - SIGTERM ends it with 0; what cannot be listened on, or a wrong option, ends it by name
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addExportCommand } from '../../src/commands/export.ts';
import { addVerifyCommand } from '../../src/commands/verify.ts';
import type { Generation } from '../../src/contract.ts';
import { runCommand } from '../support/command-line.ts';
import { generationsIn } from '../support/exported.ts';
import { restill } from '../support/restill.ts';
import { type ServeProcess, startServe } from '../support/serve-process.ts';
import { storeAt } from '../support/snapshots.ts';

const root = mkdtempSync(join(tmpdir(), 'restill-serve-'));
const data = join(root, 'data');
const bundles = [join(root, '1'), join(root, '2')] as const;
let generations: Generation[];
const running: ServeProcess[] = [];
/** Processes start processes, on machines that do other things, too. */
const patience = 300_000;

beforeAll(async () => {
  generations = await generationsIn(data, [1, 2]);
  for (const [i, out] of bundles.entries()) {
    const argv = ['export', generations[i]!.manifest.id, '--data', data, '--out', out, '--to', 'hf'];
    expect((await runCommand(addExportCommand, ...argv)).error).toBeNull();
  }
}, patience);
afterAll(async () => {
  await Promise.all(running.map((server) => server.stop('SIGKILL')));
  rmSync(root, { recursive: true });
});

async function serve(...argv: string[]): Promise<ServeProcess> {
  const server = await startServe(...argv);
  running.push(server);
  return server;
}

const post = (url: string, path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

const verify = (url: string, protocol: string, bundle: string) =>
  runCommand(addVerifyCommand, 'verify', url, '--bundle', bundle, '--protocol', protocol);

it(
  'serves the live generation in every protocol, follows the pointer, and stops',
  async () => {
    const server = await serve('--data', data);
    await server.logged('serve.live', ({ generation }) => generation === 'g000001');
    for (const protocol of ['tei', 'cohere', 'vllm']) {
      const { out, error } = await verify(server.url, protocol, bundles[0]);
      expect(error).toBeNull();
      expect(out).toContain('gives the scores of g000001');
    }
    expect((await verify(server.url, 'tei', bundles[1])).error).toMatchObject({
      code: 'VERIFY_FAILED',
      message: expect.stringContaining('serves version g000001 instead of 2'),
    });
    const { store } = await storeAt(join(data, 'generations'));
    await store.setLive(generations[1]!.manifest.id);
    await server.logged('serve.live', ({ generation }) => generation === 'g000002');
    expect((await verify(server.url, 'cohere', bundles[1])).error).toBeNull();
    const secret = await post(server.url, '/rerank', { query: 'my secret wish', texts: ['b'] });
    expect(secret.headers.get('restill-generation')).toBe('g000002');
    const figures = await (await fetch(`${server.url}/metrics`)).text();
    expect(figures).toMatch(/\nrestill_serve_swaps_total 2\n/);
    expect(figures).toMatch(/\nrestill_live_generation 2\n/);
    expect(figures).toMatch(/restill_serve_requests_total\{api="tei",status="200"\} \d/);
    const { code, stdout } = await server.stop();
    expect(code).toBe(0);
    expect(stdout).not.toContain('secret');
    expect(server.log.at(-1)).toMatchObject({ event: 'serve.finished' });
  },
  patience,
);

it(
  'starts without a generation, says so, and goes live when there is one',
  async () => {
    const empty = join(root, 'later');
    const server = await serve('--data', empty);
    const ready = await fetch(`${server.url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({
      state: 'WAITING',
      obstacles: [{ code: 'SERVE_NOT_READY' }],
    });
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    expect((await post(server.url, '/rerank', { query: 'a', texts: ['b'] })).status).toBe(503);
    await generationsIn(empty, [5]);
    await server.logged('serve.live');
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    expect((await server.stop('SIGINT')).code).toBe(0);
  },
  patience,
);

it(
  'asks for the token of a file beside the configuration, and warns of an open door',
  async () => {
    writeFileSync(join(root, 'token'), 'open-sesame\n');
    writeFileSync(join(root, 'serve.yaml'), 'serve: { token: { file: token } }\n');
    const server = await serve('--data', data, '--config', join(root, 'serve.yaml'));
    await server.logged('serve.live');
    const body = { query: 'a', texts: ['b'] };
    expect((await post(server.url, '/rerank', body)).status).toBe(401);
    const opened = await post(server.url, '/rerank', body, { authorization: 'Bearer open-sesame' });
    expect(opened.status).toBe(200);
    expect((await server.stop()).stdout).not.toContain('sesame');
    const open = await serve('--data', data, '--host', '0.0.0.0');
    await open.logged('serve.open');
    expect((await open.stop()).code).toBe(0);
  },
  patience,
);

it.each([
  [['--port', '70000'], 2, /0 to 65535/],
  [['--host', '192.0.2.1'], 5, /LISTEN_FAILED.*--host/s],
])('%j ends it by name', async (argv, code, says) => {
  const finished = await restill(['serve', '--data', data, ...argv]);
  expect(finished.code).toBe(code);
  expect(finished.stderr).toMatch(says);
});
