// What can be asked of the simulator, with the defaults of `restill simulate` and the bounds of each value.
import { RestillError } from '../errors.ts';

export interface SimulationOptions {
  readonly seed: number;
  readonly topic: string;
  readonly partitions: number;
  /** Event time of the first session, milliseconds since the epoch. */
  readonly startMs: number;
  /** Event time between the first session and the last. */
  readonly days: number;
  /** Result pages shown to people. */
  readonly impressions: number;
  readonly users: number;
  readonly products: number;
  readonly queries: number;
  /** Exponent of the queries' popularity: the r-th most frequent comes up in proportion to 1 / r^zipf. */
  readonly zipf: number;
  /** Share of queries with a typing mistake in one word. */
  readonly typoShare: number;
  readonly clickModel: 'pbm' | 'dbn';
  readonly faults: FaultRates;
}

/** The faults of real streams. All of them 0: a clean topic. */
export interface FaultRates {
  /** Of clicks, delivered 30 to 900 s after they happened. */
  readonly lateShare: number;
  /** Of impressions and clicks that are not late, delivered twice. */
  readonly duplicateShare: number;
  /** Records that cannot be decoded, per impression. */
  readonly malformedRate: number;
  /** Clicks on an impression that never comes, per impression. */
  readonly orphanRate: number;
  /** Result pages on which one bot clicks everything. */
  readonly botPages: number;
  /** Of the time, in which a partition delivers nothing, to catch up afterwards. */
  readonly stallShare: number;
}

export const defaults: SimulationOptions = {
  seed: 1,
  topic: 'clicks',
  partitions: 3,
  startMs: Date.UTC(2026, 0, 5),
  days: 7,
  impressions: 30_000,
  users: 4_000,
  products: 1_600,
  queries: 480,
  zipf: 0.7,
  typoShare: 0,
  clickModel: 'pbm',
  faults: {
    lateShare: 0.03,
    duplicateShare: 0.01,
    malformedRate: 0.004,
    orphanRate: 0.0005,
    botPages: 200,
    stallShare: 0.02,
  },
};

const bounds: readonly [name: string, read: (o: SimulationOptions) => number, low: number, high: number][] = [
  ['partitions', (o) => o.partitions, 1, 1024],
  ['days', (o) => o.days, 0.001, 3650],
  ['impressions', (o) => o.impressions, 1, 1e9],
  ['users', (o) => o.users, 1, 1e8],
  ['products', (o) => o.products, 100, 1e6],
  ['queries', (o) => o.queries, 1, 5_000],
  ['zipf', (o) => o.zipf, 0, 3],
  ['typo-share', (o) => o.typoShare, 0, 1],
  ['late-share', (o) => o.faults.lateShare, 0, 1],
  ['duplicate-share', (o) => o.faults.duplicateShare, 0, 1],
  ['malformed-rate', (o) => o.faults.malformedRate, 0, 1],
  ['orphan-rate', (o) => o.faults.orphanRate, 0, 1],
  ['bot-pages', (o) => o.faults.botPages, 0, 1e6],
  ['stall-share', (o) => o.faults.stallShare, 0, 0.5],
];

/** @throws RestillError USAGE naming every value out of bounds. */
export function checkOptions(options: SimulationOptions): void {
  const problems = bounds
    .map(([name, read, low, high]) => ({ name, found: read(options), low, high }))
    .filter(({ found, low, high }) => !(found >= low && found <= high))
    .map(({ name, found, low, high }) => `  --${name} is ${found}, expected ${low} to ${high}`);
  if (!Number.isSafeInteger(options.startMs))
    problems.push('  --start is no date, expected for example 2026-01-05');
  if (problems.length > 0) throw new RestillError('USAGE', `the options do not fit:\n${problems.join('\n')}`);
}
