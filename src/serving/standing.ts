// Whether the service does what it is there for, and if not, why. For `/readyz`, which anybody may ask: codes
// and generations, no messages, as those name files.
import type { GenerationId } from '../contract.ts';
import type { Ranker } from './ports.ts';

export interface Standing {
  readonly ready: boolean;
  readonly state: 'SERVING' | 'WAITING' | 'DRAINING';
  readonly generation: GenerationId | null;
  /** Why the newest that should have gone live did not; null when none was refused since. */
  readonly refused: { readonly generation: GenerationId | null; readonly code: string } | null;
  /** What is missing; empty when ready. */
  readonly obstacles: readonly { readonly code: string; readonly message: string }[];
}

export function standingOf(ranker: Ranker, isDraining: boolean): Standing {
  const generation = ranker.live()?.generation ?? null;
  const refusal = ranker.lastRefusal();
  const refused = refusal && { generation: refusal.generation, code: refusal.code };
  const state = isDraining ? 'DRAINING' : generation === null ? 'WAITING' : 'SERVING';
  return { ready: state === 'SERVING', state, generation, refused, obstacles: obstaclesOf(state, refused) };
}

function obstaclesOf(state: Standing['state'], refused: Standing['refused']): Standing['obstacles'] {
  if (state === 'SERVING') return [];
  if (state === 'DRAINING') return [{ code: state, message: 'a stop was asked for' }];
  const none = { code: 'SERVE_NOT_READY', message: 'no generation is live' };
  if (refused === null) return [none];
  return [
    none,
    { code: refused.code, message: `generation ${refused.generation ?? '?'} was refused; see the log` },
  ];
}
