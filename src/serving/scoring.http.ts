// The routes that score. The caller's connection and the time it may take are one signal for the ranker: what
// nobody waits for any more is not scored.
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Board } from '../board.ts';
import type { Timer } from '../clock.ts';
import { cohereV1, cohereV2 } from './cohere.ts';
import { type Asked, type Dialect, Fault, type Limits } from './dialect.ts';
import type { Ranked, Ranker } from './ports.ts';
import { tei } from './tei.ts';
import { vllm } from './vllm.ts';

export const generationHeader = 'restill-generation';

/** By path: also how a route says what went wrong. */
export const dialects: ReadonlyMap<string, Dialect> = new Map([
  ['/rerank', tei],
  ['/v1/rerank', cohereV1],
  ['/v2/rerank', cohereV2],
  ['/score', vllm],
  ['/v1/score', vllm],
]);

export interface ScoringParts {
  readonly ranker: Ranker;
  readonly limits: Limits;
  readonly board: Board;
  readonly timer: Timer;
  /** For an answer, milliseconds. */
  readonly answerTimeout: number;
}

export function addScoring(server: FastifyInstance, parts: ScoringParts): void {
  for (const [path, dialect] of dialects)
    server.post(path, async (request, reply) => {
      const asked = dialect.read(request.body, parts.limits);
      const ranked = await rank(asked, reply, parts);
      parts.board.add('restill_serve_documents_total', ranked.logits.length);
      parts.board.add('restill_serve_tokens_total', ranked.tokens);
      reply.header(generationHeader, ranked.generation);
      return asked.answer(ranked, { id: request.id, now: parts.timer.now() });
    });
}

async function rank(asked: Asked, reply: FastifyReply, parts: ScoringParts): Promise<Ranked> {
  const { ranker, timer, answerTimeout } = parts;
  refuseOther(asked, ranker.live()?.generation);
  const over = new AbortController();
  reply.raw.once('close', () => over.abort(new Fault('late', 'the client has gone')));
  const callOff = timer.after(answerTimeout, () =>
    over.abort(new Fault('late', `no answer within ${answerTimeout} ms`, answerTimeout)),
  );
  try {
    const ranked = await ranker.rank(asked.pairs, { which: 'live', signal: over.signal, cut: asked.cut });
    refuseOther(asked, ranked.generation);
    if (!ranked.logits.every(Number.isFinite)) throw new Fault('failed', 'a score is not a number');
    return ranked;
  } finally {
    callOff();
  }
}

/** Asked before, to spare the work, and after, as a swap may have come between. */
function refuseOther({ generation }: Asked, live: string | undefined): void {
  if (generation === null || live === undefined || generation === live) return;
  throw new Fault('unknown', `generation ${generation} is not live, ${live} is; leave model out to take any`);
}
