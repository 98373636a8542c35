// What the figures of `restill serve` are when somebody asks: the ranker's own, and those of the generation
// that answers.
import type { Board } from '../board.ts';
import type { GenerationId } from '../contract.ts';
import type { Ranker } from '../serving/ports.ts';
import { observeLive } from './observe.ts';
import { openStoredGenerations } from './stored-generations.ts';

export interface FiguresParts {
  readonly data: string;
  readonly ranker: Ranker;
  readonly board: Board;
}

/** @returns what brings the board up to date. */
export async function serveFigures({ data, ranker, board }: FiguresParts): Promise<() => Promise<void>> {
  const { store } = await openStoredGenerations(data);
  let shown: GenerationId | null = null;
  return async () => {
    const { queuedPairs, swaps, refusals, batches, pairs } = ranker.figures();
    board.set('restill_serve_queue_pairs', queuedPairs);
    board.set('restill_serve_swaps_total', swaps);
    board.set('restill_serve_refusals_total', refusals);
    board.set('restill_serve_batches_total', batches);
    board.set('restill_serve_pairs_total', pairs);
    const live = ranker.live()?.generation ?? null;
    board.set('restill_ready', live === null ? 0 : 1);
    if (live === shown) return;
    // Manifests are read when another generation answers only. One that is gone by now has no figures.
    const manifest = (await store.list()).find(({ id }) => id === live) ?? null;
    observeLive(manifest, board);
    shown = live;
  };
}
