// The admin server: whether the process lives (/healthz), whether it does its work (/readyz, and why not),
// and its figures (/metrics, in the text format of Prometheus). These only read and need no password: it
// listens on loopback unless told otherwise.
import { type FastifyInstance, fastify } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Board } from './board.ts';
import type { Clock, Timer } from './clock.ts';
import type { Config } from './config.ts';
import { RestillError } from './errors.ts';
import { type MetricName, metricNames, metricOf } from './metrics.ts';
import type { Health } from './readiness.ts';

export interface AdminParts {
  readonly config: Config['admin'];
  readonly board: Board;
  readonly health: Health;
  readonly timer: Timer;
  /** Brings up to date what is only looked at when somebody asks. An error fails the request only. */
  refresh(): Promise<void>;
  /** Pages beside these: the console. */
  readonly pages: (server: FastifyInstance) => Promise<void>;
}

export interface Admin {
  /** `http://127.0.0.1:9464`; null when the configuration wants no server. */
  readonly address: string | null;
  /** Answers what is being asked, within a second, then closes all connections. */
  close(): Promise<void>;
}

/** @throws RestillError LISTEN_FAILED */
export async function openAdmin(parts: AdminParts): Promise<Admin> {
  const { host, port } = parts.config;
  if (port === null) return { address: null, close: () => Promise.resolve() };
  const server = serverOf(parts);
  try {
    await server.register(parts.pages);
    const address = await server.listen({ host, port });
    return { address, close: () => close(server, parts.timer) };
  } catch (cause) {
    await server.close();
    const { code } = cause as NodeJS.ErrnoException;
    throw new RestillError(
      'LISTEN_FAILED',
      `cannot listen on ${host}:${port} (${code}): give another admin.host or admin.port, null for none`,
      { cause },
    );
  }
}

/** How long a close waits for connections on which nothing has been asked yet, or that do not read. */
const closeMsMax = 1000;

async function close(server: FastifyInstance, timer: Timer): Promise<void> {
  const cancel = timer.after(closeMsMax, () => server.server.closeAllConnections());
  await server.close();
  cancel();
}

/** Requests have no body worth reading. */
const bodyBytesMax = 1024;

function serverOf({ config, board, health, timer, refresh }: AdminParts): FastifyInstance {
  const server = fastify({
    bodyLimit: bodyBytesMax,
    requestTimeout: config.requestTimeout,
    connectionTimeout: config.requestTimeout,
    keepAliveTimeout: config.requestTimeout,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 100 },
  });
  server.server.maxConnections = config.connectionsMax;
  const registry = registryOf(board, timer);
  server.get('/healthz', () => ({ status: 'ok', state: health.readiness().state }));
  server.get('/readyz', async (_request, reply) => {
    await refresh();
    const readiness = health.readiness();
    return reply.code(readiness.ready ? 200 : 503).send(readiness);
  });
  server.get('/metrics', async (_request, reply) => {
    await refresh();
    board.set('restill_ready', health.readiness().ready ? 1 : 0);
    return reply.type(registry.contentType).send(await registry.metrics());
  });
  return server;
}

/** The board's series and those of the process (`process_`, `nodejs_`), written out by prom-client. */
export function registryOf(board: Board, clock: Clock): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  for (const name of metricNames) show(name, { registry, board, clock });
  return registry;
}

interface Showing {
  readonly registry: Registry;
  readonly board: Board;
  readonly clock: Clock;
}

function show(name: MetricName, { registry, board, clock }: Showing): void {
  const { type, help, labels } = metricOf(name);
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  const samples = () => board.samples(name, clock.now());
  if (type === 'counter') {
    new Counter({
      ...options,
      collect() {
        this.reset();
        if (labels.length === 0) this.remove(); // What `reset` makes 0, and nobody has measured.
        for (const { labels: values, value } of samples()) this.inc(values, value);
      },
    });
  } else {
    new Gauge({
      ...options,
      collect() {
        this.reset();
        if (labels.length === 0) this.remove(); // What `reset` makes 0, and nobody has measured.
        for (const { labels: values, value } of samples()) this.set(values, value);
      },
    });
  }
}
