// The door of `restill serve`: what comes in is bounded in bytes, time and number before anybody looks at it.
//
//   POST /rerank, /v1/rerank, /v2/rerank, /score, /v1/score   scores (scoring.http.ts)
//   GET  /info, /v1/models                                    the live student, as TEI and vLLM say it
//   GET  /metrics                                             figures, in the text format of Prometheus
//   GET  /health, /healthz, /readyz                           without a token: those who ask have none
//
// Invariants:
// 1. A request that has begun to be read is answered, or its client is gone, or the drain deadline is over.
// 2. Nothing of what clients send is logged.
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { bearerCheck } from '../bearer.ts';
import type { Board } from '../board.ts';
import type { Timer } from '../clock.ts';
import type { Config } from '../config.ts';
import { RestillError } from '../errors.ts';
import type { Log, LogFields } from '../telemetry.ts';
import { type Dialect, Fault, type Limits, usualStatus } from './dialect.ts';
import { faultOf } from './faults.ts';
import { InFlight } from './in-flight.ts';
import type { Ranker, ServedModel } from './ports.ts';
import { addScoring, dialects, generationHeader } from './scoring.http.ts';
import { standingOf } from './standing.ts';
import { tei, teiInfo } from './tei.ts';
import { vllmModels } from './vllm.ts';

export interface DoorParts {
  readonly config: Config['serve'];
  /** That clients must bring; null: none. */
  readonly token: string | null;
  readonly ranker: Ranker;
  readonly board: Board;
  readonly timer: Timer;
  readonly log: Log;
  readonly version: string;
  /** Figures for `/metrics`. */
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>;
  /** Other routes of this server, with errors of their own: the console. It asks for tokens itself. */
  readonly beside: readonly ((server: FastifyInstance) => Promise<void>)[];
}

export interface Door {
  /** `http://127.0.0.1:8080` */
  readonly address: string;
  /**
   * Takes in no more, answers what has come in. @returns whether all was answered within the deadline; what
   * was not is cut off.
   */
  close(deadlineMs: number): Promise<boolean>;
}

/** @throws RestillError LISTEN_FAILED */
export async function openDoor(parts: DoorParts): Promise<Door> {
  const { host, port } = parts.config;
  const inFlight = new InFlight();
  const server = serverOf(parts, inFlight);
  try {
    for (const routes of parts.beside) await server.register(routes);
    const address = await server.listen({ host, port });
    return { address, close: (deadlineMs) => close(server, inFlight, { deadlineMs, timer: parts.timer }) };
  } catch (cause) {
    await server.close();
    const { code } = cause as NodeJS.ErrnoException;
    throw new RestillError(
      'LISTEN_FAILED',
      `cannot listen on ${host}:${port} (${code}): give another serve.host or serve.port (--host, --port)`,
      { cause },
    );
  }
}

async function close(
  server: FastifyInstance,
  inFlight: InFlight,
  { deadlineMs, timer }: { readonly deadlineMs: number; readonly timer: Timer },
): Promise<boolean> {
  let inTime = true;
  const cutOff = (): void => server.server.closeAllConnections();
  const callOff = timer.after(deadlineMs, () => {
    inTime = false;
    cutOff();
  });
  const closed = new Promise((resolve) => server.server.close(resolve));
  inFlight.drain(cutOff);
  await closed;
  callOff();
  await server.close();
  return inTime;
}

function serverOf(parts: DoorParts, inFlight: InFlight): FastifyInstance {
  const { config, timer } = parts;
  const started = timer.now().toString(36);
  let count = 0;
  const server = fastify({
    bodyLimit: config.bodyMax,
    requestTimeout: config.requestTimeout, // fastify sets its own default over that of `http`
    connectionTimeout: config.requestTimeout + config.answerTimeout,
    keepAliveTimeout: config.requestTimeout,
    genReqId: () => `${started}-${++count}`,
    http: {
      headersTimeout: config.requestTimeout,
      requestTimeout: config.requestTimeout, // which headersTimeout is compared with
      connectionsCheckingInterval: Math.min(checkMs, config.requestTimeout),
    },
    routerOptions: { maxParamLength: 100 },
  });
  server.server.maxConnections = config.connectionsMax;
  server.removeContentTypeParser('text/plain');
  server.addHook('onRequest', async (_request, reply) => {
    if (inFlight.isDraining) throw new Fault('unready', 'the server stops', drainedMs);
    reply.raw.once('close', inFlight.begin());
  });
  server.addHook('onSend', async (_request, reply) => {
    if (inFlight.isDraining) reply.header('connection', 'close');
  });
  server.addHook('onResponse', async (request, reply) => countAnswer(parts.board, request, reply));
  server.setNotFoundHandler(() => {
    throw new Fault('unknown', 'no such path; see the documentation of restill serve');
  });
  server.setErrorHandler((error, request, reply) => fail(error, request, reply, parts.log));
  addHealth(server, parts, inFlight);
  void server.register(async (guarded) => addGuarded(guarded, parts));
  return server;
}

/** How often Node.js looks for requests that take too long to arrive. */
const checkMs = 500;
/** By then another process listens, or a load balancer has noticed. */
const drainedMs = 1000;

/** For probes, which bring no token. */
function addHealth(server: FastifyInstance, { ranker }: DoorParts, inFlight: InFlight): void {
  const standing = () => standingOf(ranker, inFlight.isDraining);
  server.get('/healthz', () => ({ status: 'ok', state: standing().state }));
  server.get('/readyz', (_request, reply) => {
    const found = standing();
    return reply.code(found.ready ? 200 : 503).send(found);
  });
  server.get('/health', (_request, reply) => {
    live(ranker);
    return reply.send();
  });
}

function addGuarded(server: FastifyInstance, parts: DoorParts): void {
  const { config, token, ranker, board, timer } = parts;
  if (token !== null) {
    const isRight = bearerCheck(token);
    server.addHook('onRequest', async ({ headers }) => {
      if (!isRight(headers.authorization))
        throw new Fault('unauthorized', 'expected Authorization: Bearer TOKEN');
    });
  }
  const limits: Limits = { documentsMax: config.documentsMax, textMax: config.textMax };
  addScoring(server, { ranker, limits, board, timer, answerTimeout: config.answerTimeout });
  server.get('/info', (_request, reply) => {
    const model = live(ranker);
    return reply.header(generationHeader, model.generation).send(teiInfo(model, limits, parts.version));
  });
  server.get('/v1/models', () => vllmModels(ranker.live()));
  server.get('/metrics', async (_request, reply) => {
    const { type, text } = await parts.metrics();
    return reply.type(type).send(text);
  });
}

function live(ranker: Ranker): ServedModel {
  const model = ranker.live();
  if (model === null) throw new Fault('unready', 'no generation is live yet');
  return model;
}

const dialectOf = ({ routeOptions }: FastifyRequest): Dialect | undefined =>
  dialects.get(routeOptions.url ?? '');

function fail(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const dialect = dialectOf(request);
  const fault = faultOf(error);
  if (fault.kind === 'failed') log.error('serve.failed', whatFailed(error));
  if (fault.kind === 'unauthorized') reply.header('www-authenticate', 'Bearer');
  if (fault.retryAfterMs !== null) reply.header('retry-after', Math.ceil(fault.retryAfterMs / 1000));
  const status = dialect?.status[fault.kind] ?? usualStatus[fault.kind];
  return reply.code(status).send((dialect ?? tei).faultBody(fault, status));
}

/** A message that is not ours may quote what was sent. */
function whatFailed(error: unknown): LogFields {
  if (error instanceof RestillError) return { code: error.code, message: error.message };
  if (!(error instanceof Error)) return { code: 'BUG' };
  const frames = error.stack
    ?.split('\n')
    .filter((line) => /^ +at /.test(line))
    .slice(0, 8);
  return { code: 'BUG', name: error.name, stack: frames };
}

function countAnswer(board: Board, request: FastifyRequest, reply: FastifyReply): void {
  const api = dialectOf(request)?.name ?? 'other';
  board.add('restill_serve_requests_total', 1, { api, status: String(reply.statusCode) });
  board.add('restill_serve_request_seconds_total', reply.elapsedTime / 1000, { api });
}
