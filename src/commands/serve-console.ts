// The console of `restill serve`: what answers requests, and the box to try it with.
import type { FastifyInstance } from 'fastify';
import type { Board } from '../board.ts';
import type { Config } from '../config.ts';
import type { ConsoleParts, Scorer } from '../console/ports.ts';
import type { Ranker } from '../serving/ports.ts';
import { standingOf } from '../serving/standing.ts';
import { openConsole } from './console.ts';

export interface ServeConsoleOptions {
  /** Its `admin.token` is the operator's. */
  readonly config: Config['admin'];
  /** That clients of the service must bring, and readers of the console then, too. */
  readonly token: string | null;
  readonly data: string;
  readonly version: string;
  readonly board: Board;
  readonly refresh: () => Promise<void>;
  readonly ranker: Ranker;
}

/** @throws RestillError SECRET_UNREADABLE */
export function serveConsole(
  options: ServeConsoleOptions,
): Promise<(server: FastifyInstance) => Promise<void>> {
  const { token, ranker, ...rest } = options;
  return openConsole({
    ...rest,
    server: 'serve',
    readiness: () => standingOf(ranker, false),
    serving: () => servingOf(ranker),
    scorer: scorerOf(ranker),
    readerToken: token,
  });
}

function servingOf(ranker: Ranker): ReturnType<NonNullable<ConsoleParts['serving']>> {
  const model = ranker.live();
  const { pairs, queuedPairs, swaps, refusals } = ranker.figures();
  return {
    generation: model?.generation ?? null,
    since: model?.since ?? null,
    tokensMax: model?.tokensMax ?? null,
    ...{ pairs, queuedPairs, swaps, refusals },
    lastRefusal: ranker.lastRefusal(),
  };
}

const scorerOf = (ranker: Ranker): Scorer => ({
  async score(query, documents, { which, signal }) {
    const pairs = documents.map((document) => ({ query, document }));
    const { generation, logits } = await ranker.rank(pairs, { which, signal, cut: true });
    return { generation, scores: [...logits] };
  },
});
