// Which queries train and which are only asked. Membership follows from the seed and the queries alone.
//
// Invariants:
// 1. Every query is tested in exactly one fold and trains in all others.
// 2. Every query is asked in exactly one fold that it trains in: asking all again in each would be most of
//    the time that a teacher takes.
// 3. A validation split lies inside the training queries of its fold: what is chosen there has not seen the
//    fold's test queries.
import { assert } from '../../src/errors.ts';
import { randomFor } from '../../src/random.ts';

export const foldCount = 5;

/** Of the training queries, the share that an inner validation split asks instead. */
const validationShare = 0.25;

export interface Split {
  readonly fold: number;
  readonly on: 'test' | 'validation';
  readonly training: ReadonlySet<string>;
  readonly unseen: ReadonlySet<string>;
  /** Training queries that are asked as well: those of the fold after. */
  readonly seen: ReadonlySet<string>;
}

/** All that a model of this fold is asked. */
export const isAsked = ({ unseen, seen }: Split, queryId: string): boolean =>
  unseen.has(queryId) || seen.has(queryId);

/** The split of a fold over query ids. */
export function splitOf(
  queryIds: readonly string[],
  o: { readonly fold: number; readonly validate: boolean; readonly seed: number },
): Split {
  assert(o.fold >= 0 && o.fold < foldCount, `there is no fold ${o.fold}`);
  const order = randomFor(o.seed, 'folds').shuffle([...queryIds].sort());
  const inFold = (fold: number): string[] => order.filter((_, i) => i % foldCount === fold % foldCount);
  const test = new Set(inFold(o.fold));
  const rest = order.filter((id) => !test.has(id));
  const next = inFold(o.fold + 1);
  if (!o.validate)
    return { fold: o.fold, on: 'test', training: new Set(rest), unseen: test, seen: new Set(next) };
  const inner = randomFor(o.seed, 'validation', o.fold).shuffle([...rest]);
  const held = Math.round(inner.length * validationShare);
  const training = new Set(inner.slice(held));
  return {
    fold: o.fold,
    on: 'validation',
    training,
    unseen: new Set(inner.slice(0, held)),
    seen: new Set(next.filter((id) => training.has(id))),
  };
}
