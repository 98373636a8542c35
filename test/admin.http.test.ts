// /healthz, /readyz and /metrics over real HTTP: readiness says why not; every metric of the catalogue is
// there by name, ages are taken at the time of the request, nothing is shown that nobody has measured. A port
// that is taken is a named error. Connections are bounded; closing waits for no idle connection.
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Admin, openAdmin } from '../src/admin.http.ts';
import { Board } from '../src/board.ts';
import { parseConfig } from '../src/config.ts';
import { RestillError } from '../src/errors.ts';
import { metricNames } from '../src/metrics.ts';
import { Health } from '../src/readiness.ts';
import { virtualTimer } from './support/virtual-timer.ts';

const opened: Admin[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((admin) => admin.close()));
});

async function serve(settings: object = {}, refresh: () => Promise<void> = () => Promise.resolve()) {
  const config = parseConfig({ admin: { port: 0, ...settings } }).admin;
  const board = new Board();
  const health = new Health();
  const timer = virtualTimer(2_000_000);
  const admin = await openAdmin({ config, board, health, timer, refresh, pages: async () => {} });
  opened.push(admin);
  const get = async (path: string) => {
    const response = await fetch(`${admin.address}${path}`, { headers: { connection: 'close' } });
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      body: await response.text(),
    };
  };
  return { admin, board, health, timer, get };
}

describe('the admin server', () => {
  it('listens on loopback', async () => {
    const { admin } = await serve();
    expect(admin.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('is alive from the start, and ready when it trains', async () => {
    const { get, health } = await serve();
    expect(await get('/healthz')).toMatchObject({ status: 200, body: '{"status":"ok","state":"STARTING"}' });
    expect(await get('/readyz')).toMatchObject({ status: 503 });
    health.enter('TRAINING');
    expect(await get('/readyz')).toMatchObject({ status: 200, type: expect.stringContaining('json') });
  });

  it('says why it is not ready', async () => {
    const { get, health } = await serve();
    health.enter('DEGRADED');
    health.report('trainer', new RestillError('TRAINER_GIVEN_UP', 'died 6 times'));
    const { status, body } = await get('/readyz');
    expect(status).toBe(503);
    expect(JSON.parse(body)).toEqual({
      ready: false,
      state: 'DEGRADED',
      obstacles: [
        { code: 'TRAINER_GIVEN_UP', message: 'died 6 times' },
        { code: 'DEGRADED', message: expect.any(String) },
      ],
    });
  });

  it('shows the metrics as they are at the time of the request', async () => {
    let asked = 0;
    const { board, timer, get } = await serve({}, async () => {
      asked++;
    });
    board.set('restill_live_click_timestamp_seconds', 1990);
    board.add('restill_dead_letters_total', 3, { reason: 'malformed' });
    const { status, type, body } = await get('/metrics');
    expect({ status, type }).toEqual({
      status: 200,
      type: expect.stringContaining('text/plain; version=0.0.4'),
    });
    for (const name of metricNames) expect(body).toContain(`# TYPE ${name} `);
    expect(body).toContain('\nrestill_freshness_seconds 10\n');
    expect(body).toContain('\nrestill_dead_letters_total{reason="malformed"} 3\n');
    expect(body).toContain('\nrestill_ready 0\n');
    expect(body).toMatch(/\nprocess_resident_memory_bytes \d+\n/);
    expect(body).not.toMatch(/\nrestill_(trainer_up|ingest_records_total) /);
    timer.advance(60_000);
    const later = (await get('/metrics')).body;
    expect(later).toContain('\nrestill_freshness_seconds 70\n');
    expect(later).toContain('\nrestill_dead_letters_total{reason="malformed"} 3\n');
    expect(asked).toBe(2);
  });

  it('does nothing else', async () => {
    const { get } = await serve();
    expect((await get('/')).status).toBe(404);
    expect((await get('/metrics/../../etc/passwd')).status).toBe(404);
  });

  it('is not there where the configuration wants none', async () => {
    expect((await serve({ port: null })).admin.address).toBeNull();
  });

  it('names a port that is taken', async () => {
    const { admin } = await serve();
    const port = Number(new URL(admin.address!).port);
    await expect(serve({ port })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining(`127.0.0.1:${port} (EADDRINUSE)`),
    });
  });

  it('holds a bounded number of connections, and closes at once with idle ones open', async () => {
    const { admin, timer } = await serve({ connections_max: 2, request_timeout: '1h' });
    const port = Number(new URL(admin.address!).port);
    const sockets = await Promise.all([1, 2, 3].map(() => connected(port)));
    const ended = await Promise.race(sockets.map((socket, i) => closed(socket).then(() => i)));
    expect(sockets[ended]!.destroyed).toBe(true);
    const closing = opened.pop()!.close();
    timer.advance(1000);
    await Promise.all([closing, ...sockets.map(closed)]);
    expect(timer.waiting).toBe(0);
  });
});

const connected = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', reject).resume();
  });

const closed = (socket: Socket): Promise<void> =>
  socket.destroyed ? Promise.resolve() : new Promise((resolve) => socket.once('close', () => resolve()));
