// Promise 12: a query is kept only after `privacy.users_min` distinct users issued it.
//
// Invariants:
// 1. Users are known by a seeded 64-bit hash only, and forgotten as soon as a query has enough of them.
// 2. At most `privacy.queries_max` queries are counted. When full, the one that was least recently issued
//    goes first (to within half the capacity: renewing it on every issue would write its slot every time). A
//    forgotten query starts again from no user, so forgetting can only withhold more.
// Events without a user id count as one user.
import type { Config } from '../config.ts';
import { type Entry, type Saved, SlotTable } from './slot-table.ts';

interface Audience {
  /** Hashes of distinct users, fewer than `usersMin`; null once there were enough. */
  users: string[] | null;
}

export class Audiences {
  readonly table: SlotTable<Audience>;
  readonly #usersMin: number;

  constructor(config: Config, saved: Saved) {
    this.table = new SlotTable<Audience>(
      { name: 'queries', table: 'queries', base: 0, capacity: config.privacy.queriesMax, pack, unpack },
      saved,
    );
    this.#usersMin = config.privacy.usersMin;
  }

  /** A user, known by hash, issued the query. */
  note(queryKey: string, user: string): void {
    const entry = this.table.get(queryKey) ?? this.#begin(queryKey);
    if (this.table.ageing(entry)) this.table.renew(entry);
    const { users } = entry.value;
    if (users === null || users.includes(user)) return;
    users.push(user);
    if (users.length >= this.#usersMin) entry.value.users = null;
    this.table.changed(entry);
  }

  /** Whether enough distinct users have issued the query. */
  suffices(queryKey: string): boolean {
    return this.table.get(queryKey)?.value.users === null;
  }

  #begin(queryKey: string): Entry<Audience> {
    if (this.table.full) this.table.remove(this.table.oldest!);
    return this.table.add(queryKey, { users: [] });
  }
}

const pack = (audience: Audience): readonly unknown[] => audience.users ?? [null];

const unpack = (fields: readonly unknown[]): Audience => ({
  users: fields[0] === null ? null : (fields as string[]),
});
