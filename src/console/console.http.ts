// The console over HTTP: one page and its API, for `restill run` and `restill serve`. What reads needs no
// password, as /metrics; what moves the live pointer needs the operator's token. Nothing of what is tried is
// kept or logged.
//
//   GET  /console/...       the page
//   GET  /api/status        how things stand
//   GET  /api/history       generations and learning curves
//   GET  /api/difference    ?from=g000001&to=g000002
//   POST /api/promote       {generation, who, reason}   token
//   POST /api/rollback      {who, reason}               token
//   POST /api/try           {query, documents}
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { z } from 'zod';
import { bearerCheck } from '../bearer.ts';
import type { GenerationId, Manifest } from '../contract.ts';
import { type ErrorCode, RestillError } from '../errors.ts';
import { differenceOf } from './difference.ts';
import { historyOf } from './history.ts';
import { etagOf, knows, type PageFile } from './page.ts';
import type { ConsoleParts, GenerationDesk, Scorer, Shelf } from './ports.ts';
import { statusOf } from './status.ts';
import * as view from './view.ts';

/** To be registered with a server: `await server.register(consoleRoutes(parts))`. */
export function consoleRoutes(parts: ConsoleParts): (server: FastifyInstance) => Promise<void> {
  return async (server) => {
    // JSON only: another site's form cannot send that.
    if (server.hasContentTypeParser('text/plain')) server.removeContentTypeParser('text/plain');
    server.setErrorHandler(fail);
    server.addHook('onSend', async (_request, reply) => void reply.headers(headers));
    addPage(server, parts);
    const guards = guardsOf(parts);
    addReading(server, parts, guards);
    addDoing(server, parts, guards);
    addTrying(server, parts, guards);
  };
}

/** Hooks that refuse a request without the token that it needs, before its body is read. */
interface Guards {
  readonly reader: onRequestAsyncHookHandler;
  readonly operator: onRequestAsyncHookHandler;
}

function guardsOf({ readerToken, operator }: ConsoleParts): Guards {
  const isOperator = 'closed' in operator ? () => false : bearerCheck(operator.token);
  const isReader = readerToken === null ? () => true : bearerCheck(readerToken);
  const refuse = (status: number, message: string): never => {
    throw Object.assign(new Error(message), { statusCode: status });
  };
  return {
    async reader({ headers: { authorization } }) {
      if (!isReader(authorization) && !isOperator(authorization))
        refuse(401, 'this server asks for its token');
    },
    async operator({ headers: { authorization } }) {
      if ('closed' in operator) refuse(403, operator.closed);
      if (!isOperator(authorization)) refuse(401, "this takes the operator's token");
    },
  };
}

const headers = {
  'cache-control': 'no-cache',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

function addPage(server: FastifyInstance, { page }: ConsoleParts): void {
  server.get('/', (_request, reply) => reply.redirect('console/'));
  server.get('/console', (_request, reply) => reply.redirect('console/'));
  const show = (file: PageFile) => (request: FastifyRequest, reply: FastifyReply) =>
    conditional(request, reply.header('content-security-policy', page.policy), file);
  for (const file of page.files) server.get(`/console/${file.path}`, show(file));
}

function addReading(server: FastifyInstance, parts: ConsoleParts, { reader }: Guards): void {
  const guarded = { onRequest: reader };
  const shelf = briefly(parts.shelf, parts.elapsed);
  server.get('/api/status', guarded, async (request, reply) => {
    await parts.refresh();
    return answer(request, reply, view.statusSchema, statusOf(parts));
  });
  server.get('/api/history', guarded, async (request, reply) =>
    answer(request, reply, view.historySchema, historyOf(await shelf())),
  );
  server.get('/api/difference', guarded, async (request, reply) => {
    const { from, to } = taken(view.differenceRequest, request.query);
    const { manifests } = await shelf();
    const difference = differenceOf(named(manifests, from), named(manifests, to));
    return answer(request, reply, view.differenceSchema, difference);
  });
}

/** A page that asks again and again makes the disk be read once a second at most, however many look on. */
function briefly(read: () => Promise<Shelf>, elapsed: () => number): () => Promise<Shelf> {
  const briefMs = 1000;
  let reading: Promise<Shelf> | null = null;
  let at = Number.NEGATIVE_INFINITY;
  return () => {
    if (reading === null || elapsed() - at >= briefMs) {
      at = elapsed();
      reading = read();
      reading.catch(() => (reading = null)); // The next request tries again; this one gets the error.
    }
    return reading;
  };
}

function addDoing(server: FastifyInstance, { operator, shelf }: ConsoleParts, guards: Guards): void {
  const guarded = { bodyLimit: 4096, onRequest: guards.operator };
  const act = async (reply: FastifyReply, deed: (desk: GenerationDesk) => Promise<void>) => {
    if ('closed' in operator) throw new RestillError('USAGE', operator.closed);
    await deed(operator.desk);
    const { live, before } = await shelf();
    return reply.send(view.movedSchema.parse({ live, before }));
  };
  server.post('/api/promote', guarded, async (request, reply) => {
    const { generation, who, reason } = taken(view.promoteRequest, request.body);
    const { id } = named((await shelf()).manifests, generation);
    return act(reply, (desk) => desk.promote(id, { who, why: reason }));
  });
  server.post('/api/rollback', guarded, async (request, reply) => {
    const { who, reason } = taken(view.rollbackRequest, request.body);
    return act(reply, (desk) => desk.rollback({ who, why: reason }));
  });
}

/** JSON around the longest query and documents that the schema lets through, escapes included. */
const tryBytesMax = 1024 * 1024;

function addTrying(server: FastifyInstance, { scorer, elapsed }: ConsoleParts, { reader }: Guards): void {
  server.post('/api/try', { bodyLimit: tryBytesMax, onRequest: reader }, async (request, reply) => {
    if (scorer === null)
      throw new RestillError('SERVE_NOT_READY', 'nothing is scored by this process; ask restill serve');
    const asked = taken(view.tryRequest, request.body);
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const [live, candidate] = await Promise.all(
      (['live', 'candidate'] as const).map((which) =>
        attempt({ scorer, elapsed, which, signal: gone.signal, ...asked }),
      ),
    );
    return reply.send(view.triedSchema.parse({ live, candidate }));
  });
}

interface Attempt {
  readonly scorer: Scorer;
  readonly elapsed: () => number;
  readonly which: 'live' | 'candidate';
  readonly signal: AbortSignal;
  readonly query: string;
  readonly documents: readonly string[];
}

/** That there is no candidate, or no room in the queue, is an answer too: the other one may have scores. */
async function attempt({ scorer, elapsed, which, signal, query, documents }: Attempt): Promise<unknown> {
  const from = elapsed();
  try {
    const { generation, scores } = await scorer.score(query, documents, { which, signal });
    return { generation, scores: [...scores], milliseconds: elapsed() - from };
  } catch (error) {
    if (!(error instanceof RestillError) || error.code === 'BUG') throw error;
    return { error: { code: error.code, message: error.message } };
  }
}

function named(manifests: readonly Manifest[], id: string): Manifest {
  const found = manifests.find((manifest) => manifest.id === (id as GenerationId));
  if (found) return found;
  const known = manifests.map((manifest) => manifest.id).join(', ') || 'none yet';
  throw new RestillError('GENERATION_UNKNOWN', `there is no such generation; there are: ${known}`);
}

function taken<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const parsed = schema.safeParse(input ?? {});
  if (parsed.success) return parsed.data;
  throw new RestillError('USAGE', z.prettifyError(parsed.error));
}

function answer<S extends z.ZodType>(
  request: FastifyRequest,
  reply: FastifyReply,
  schema: S,
  value: z.input<S>,
): FastifyReply {
  const bytes = Buffer.from(JSON.stringify(schema.parse(value)));
  const type = 'application/json; charset=utf-8';
  return conditional(request, reply, { type, bytes, etag: etagOf(bytes) });
}

function conditional(
  request: FastifyRequest,
  reply: FastifyReply,
  { type, bytes, etag }: Omit<PageFile, 'path'>,
): FastifyReply {
  reply.header('etag', etag);
  if (knows(request.headers['if-none-match'], etag)) return reply.code(304).send();
  return reply.type(type).send(bytes);
}

const statuses: Partial<Record<ErrorCode, number>> = {
  USAGE: 400,
  GENERATION_UNKNOWN: 404,
  GENERATION_DAMAGED: 409,
  GENERATION_FOREIGN: 409,
  SERVE_NOT_READY: 503,
  SERVE_BUSY: 429,
};

/** Errors of ours say what to do; those of the server (a body too large, no JSON) have their status. */
function fail(error: unknown, _request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const message = error instanceof Error ? error.message : String(error);
  const ours = error instanceof RestillError ? error.code : null;
  const theirs = (error as { statusCode?: unknown }).statusCode;
  const status = (ours && statuses[ours]) ?? (typeof theirs === 'number' ? theirs : 500);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(status).send(view.failureSchema.parse({ error: { code: ours ?? 'REQUEST', message } }));
}
