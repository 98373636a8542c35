// Which faults a chaos run meets, in which order: a function of its seed.
import { randomFor } from '../../../src/random.ts';

export type Fault =
  | { readonly kind: 'daemon-killed' | 'trainer-killed' | 'connections-cut' | 'half-open' }
  /** SIGKILL, and how long it is away. */
  | { readonly kind: 'broker-killed'; readonly ms: number }
  /** SIGSTOP, SIGCONT: to the broker it was dead if that is longer than the session. */
  | { readonly kind: 'daemon-frozen'; readonly ms: number }
  /** Connections stay open, nothing passes. */
  | { readonly kind: 'network-stalled'; readonly ms: number }
  /** A stranger joins the group, commits the beginning of what it gets, and leaves. */
  | { readonly kind: 'member-joins'; readonly ms: number }
  | { readonly kind: 'poison' | 'duplicates'; readonly count: number }
  | { readonly kind: 'partition-added' };

export type FaultKind = Fault['kind'];

export interface Step {
  readonly fault: Fault;
  /** Whether everything must be durable again before the next one: else they overlap. */
  readonly settle: boolean;
}

/** In one round. */
const counts: Readonly<Record<Exclude<FaultKind, 'partition-added'>, number>> = {
  'daemon-killed': 4,
  'daemon-frozen': 2,
  'trainer-killed': 4,
  'broker-killed': 3,
  'network-stalled': 4,
  'connections-cut': 4,
  'half-open': 3,
  'member-joins': 3,
  poison: 4,
  duplicates: 4,
};

export interface PlanOptions {
  readonly seed: number;
  readonly rounds: number;
  readonly partitionsAdded: number;
  /** Faults that hold on last up to twice as long. */
  readonly sessionMs: number;
}

export function planChaos({ seed, rounds, partitionsAdded, sessionMs }: PlanOptions): Step[] {
  const random = randomFor(seed, 'chaos');
  const upTo = (ms: number): number => 200 + random.below(ms);
  const faultOf = (kind: FaultKind): Fault => {
    switch (kind) {
      case 'poison':
      case 'duplicates':
        return { kind, count: 1 + random.below(5) };
      case 'broker-killed':
        return { kind, ms: upTo(sessionMs / 2) };
      case 'daemon-frozen':
        return { kind, ms: sessionMs / 2 + upTo(sessionMs) };
      case 'network-stalled':
      case 'member-joins':
        return { kind, ms: upTo(sessionMs * 1.5) };
      default:
        return { kind };
    }
  };
  const kinds: FaultKind[] = Object.entries(counts).flatMap(([kind, count]) =>
    new Array<FaultKind>(count * rounds).fill(kind as FaultKind),
  );
  kinds.push(...new Array<FaultKind>(partitionsAdded).fill('partition-added'));
  const faults = random.shuffle(kinds).map(faultOf);
  return faults.map((fault, at) => ({ fault, settle: at === faults.length - 1 || random.below(4) === 0 }));
}
