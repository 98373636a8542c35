// Events for tests of the intake, written as short as the rule that they show.
import { type Config, parseConfig } from '../../src/config.ts';
import type { ClickEvent, Event, Group, ImpressionEvent, IngestCounts } from '../../src/contract.ts';
import { type Intake, openIntake } from '../../src/streams/intake.ts';
import type { Drained, StateEntry } from '../../src/streams/state.ts';

export const second = 1_000;
export const minute = 60 * second;
/** An arbitrary Monday. */
export const start = 1_740_960_000_000;

/** Window 30 s, lateness 20 s, disorder 2 s, idle after 40 s; queries are kept at once, none is held out. */
export function tinyConfig(overrides: Record<string, Record<string, unknown>> = {}): Config {
  const base: Record<string, Record<string, unknown>> = {
    join: { window: '30s', lateness_max: '20s' },
    watermark: { disorder_max: '2s', idle_timeout: '40s' },
    privacy: { users_min: 1 },
    holdout: { share: 0 },
    propensity: { mode: 'table', table: [1, 0.5, 0.25, 0.125] },
  };
  const names = new Set([...Object.keys(base), ...Object.keys(overrides)]);
  return parseConfig(
    Object.fromEntries([...names].map((name) => [name, { ...base[name], ...overrides[name] }])),
  );
}

/** An impression `atMs` after `start` of documents a, b, c, ... */
export function impression(
  impressionId: string,
  atMs: number,
  fields: Partial<ImpressionEvent> & { readonly documents?: string } = {},
): ImpressionEvent {
  const { documents = 'abcd', ...rest } = fields;
  const results = [...documents].map((documentId, index) => ({
    position: index + 1,
    documentId,
    title: `title ${documentId}`,
    summary: `summary ${documentId}`,
  }));
  return {
    kind: 'impression',
    timeMs: start + atMs,
    impressionId,
    sessionId: `session-of-${impressionId}`,
    userId: `user-of-${impressionId}`,
    query: 'red shoes',
    results,
    ...rest,
  };
}

/** A satisfied click `atMs` after `start`. */
export function click(
  impressionId: string,
  documentId: string,
  atMs: number,
  fields: Partial<ClickEvent> = {},
): ClickEvent {
  return {
    kind: 'click',
    timeMs: start + atMs,
    impressionId,
    sessionId: `session-of-${impressionId}`,
    userId: `user-of-${impressionId}`,
    documentId,
    dwellMs: 30 * second,
    ...fields,
  };
}

/** Moves the clock: an impression of nothing. It counts as unclicked once it closes. */
export const tick = (atMs: number): ImpressionEvent =>
  impression(`tick-${atMs}`, atMs, { query: `tick ${atMs}`, documents: '' });

/** An intake that is fed record after record, each stamped with its event time unless told otherwise. */
export class Feed {
  readonly groups: Group[] = [];
  readonly #intake: Intake;
  readonly #offsets = new Map<number, number>();

  constructor(config: Config, saved: Iterable<StateEntry> = [], nextSequence = 0) {
    this.#intake = openIntake(config, saved, nextSequence);
  }

  accept(event: Event, options: { readonly partition?: number; readonly timestampMs?: number } = {}): this {
    const { partition = 0, timestampMs = 'timeMs' in event ? event.timeMs : start } = options;
    const offset = this.#offsets.get(partition) ?? 0;
    this.#offsets.set(partition, offset + 1);
    this.#intake.accept(event, { topic: 'clicks', partition, offset, timestampMs });
    return this;
  }

  all(...events: Event[]): this {
    for (const event of events) this.accept(event);
    return this;
  }

  finish(): this {
    this.#intake.finish();
    return this;
  }

  drain(): Drained {
    const drained = this.#intake.drain();
    this.groups.push(...drained.groups);
    return drained;
  }

  /** The counts that are not zero, without those that every event moves. */
  get counts(): Partial<IngestCounts> {
    const { records: _records, events: _events, impressions: _i, clicks: _c, ...rest } = this.drain().counts;
    return Object.fromEntries(Object.entries(rest).filter(([, count]) => count > 0));
  }
}
