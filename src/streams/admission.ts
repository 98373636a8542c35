// Which sessions are people. A session with more than `bots.events_per_minute_max` events within 60 s of
// event time is a bot, from then on.
//
// Invariants:
// 1. Every event of a bot that was not a duplicate when it came is counted as a bot's exactly once: those
//    from before it was found out are counted together at that moment (`events`), the later ones singly.
// 2. The minute is the one that ends with the session's newest event: an event that comes out of order by
//    more than that does not add to the rate.
// 3. A session is forgotten when every partition's watermark is past its newest event by as long as its pages
//    can still be clicked, and one minute; when `bots.sessions_max` is reached, the least recently active
//    goes first (to within half the capacity). A bot that is forgotten has to be found out again.
// Sessions are known by a seeded hash only.
import type { Config } from '../config.ts';
import { everyPartition, type Schedule, type Timer } from './schedule.ts';
import { type Entry, type Saved, SlotTable } from './slot-table.ts';

const minuteMs = 60_000;

interface Session {
  bot: boolean;
  events: number;
  newestMs: number;
  /** Event times within the minute that ends at `newestMs`; empty for a bot. */
  recentMs: number[];
}

export class Admission {
  readonly table: SlotTable<Session>;
  readonly #schedule: Schedule;
  readonly #perMinuteMax: number;
  readonly #memoryMs: number;

  constructor(config: Config, schedule: Schedule, saved: Saved) {
    this.table = new SlotTable<Session>(
      { name: 'sessions', table: 'sessions', base: 0, capacity: config.bots.sessionsMax, pack, unpack },
      saved,
    );
    this.#schedule = schedule;
    this.#perMinuteMax = config.bots.eventsPerMinuteMax;
    this.#memoryMs = config.join.window + config.join.latenessMax + minuteMs;
    for (const entry of this.table.entries()) this.#remind(entry);
  }

  isBot(session: string): boolean {
    return this.table.get(session)?.value.bot ?? false;
  }

  /**
   * Takes note of an event, `session` being a hash.
   * @returns the events of the session that are now known to be a bot's and were not before: 0 for a person.
   */
  observe(session: string, timeMs: number): number {
    const entry = this.table.get(session) ?? this.#begin(session, timeMs);
    if (this.table.ageing(entry)) {
      this.table.renew(entry);
      this.#remind(entry);
    }
    this.table.changed(entry);
    const found = entry.value;
    found.events++;
    const newer = timeMs > found.newestMs;
    if (newer) found.newestMs = timeMs;
    if (found.bot) return 1;
    if (newer) found.recentMs = found.recentMs.filter((earlierMs) => timeMs - earlierMs < minuteMs);
    if (found.newestMs - timeMs < minuteMs) found.recentMs.push(timeMs);
    if (found.recentMs.length <= this.#perMinuteMax) return 0;
    found.bot = true;
    found.recentMs = [];
    return found.events;
  }

  /** A timer of a session has run out: forgets it, or waits on if there were events meanwhile. */
  expire(timer: Timer): void {
    const entry = this.table.get(timer.key)!;
    if (entry.value.newestMs + this.#memoryMs > timer.dueMs) this.#remind(entry);
    else this.table.remove(entry);
  }

  #begin(session: string, timeMs: number): Entry<Session> {
    if (this.table.full) this.table.remove(this.table.oldest!);
    const entry = this.table.add(session, { bot: false, events: 0, newestMs: timeMs, recentMs: [] });
    this.#remind(entry);
    return entry;
  }

  #remind(entry: Entry<Session>): void {
    this.#schedule.add(everyPartition, {
      dueMs: entry.value.newestMs + this.#memoryMs,
      kind: 'session',
      order: entry.order,
      key: entry.key,
    });
  }
}

const pack = (s: Session): readonly unknown[] => [
  s.bot ? 1 : 0,
  s.events,
  s.newestMs,
  ...s.recentMs.map((timeMs) => s.newestMs - timeMs),
];

function unpack(fields: readonly unknown[]): Session {
  const [bot, events, newestMs, ...agesMs] = fields as [number, number, number, ...number[]];
  return { bot: bot === 1, events, newestMs, recentMs: agesMs.map((ageMs) => newestMs - ageMs) };
}
