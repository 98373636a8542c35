// Promise 12, k-anonymity: invariants 1 and 2 of privacy.ts.
import { expect, test } from 'vitest';
import { Audiences } from '../../src/streams/privacy.ts';
import type { StateEntry } from '../../src/streams/state.ts';
import { tinyConfig } from '../support/stream-events.ts';

const config = tinyConfig({ privacy: { users_min: 3, queries_max: 4 } });
const fresh = () => new Audiences(config, { entries: [], next: {} });

test('a query suffices from the third distinct user on, for ever after', () => {
  const audiences = fresh();
  const said: boolean[] = [];
  for (const user of ['ann', 'ann', 'bob', 'bob', 'eve', 'ann']) {
    audiences.note('q', user);
    said.push(audiences.suffices('q'));
  }
  expect(said).toEqual([false, false, false, false, true, true]);
  expect(audiences.suffices('other')).toBe(false);
});

test('one user is enough when users_min is one', () => {
  const audiences = new Audiences(tinyConfig(), { entries: [], next: {} });
  expect(audiences.suffices('q')).toBe(false);
  audiences.note('q', 'ann');
  expect(audiences.suffices('q')).toBe(true);
});

test('users are forgotten once there are enough, and survive being saved until then', () => {
  const audiences = fresh();
  for (const user of ['ann', 'bob', 'eve']) audiences.note('full', user);
  for (const user of ['ann', 'bob']) audiences.note('half', user);
  const entries: StateEntry[] = [];
  audiences.table.drain(entries);
  expect(entries.map(({ value }) => Buffer.from(value!).toString())).toEqual([
    '[1,0,"full",null]',
    '[1,1,"half","ann","bob"]',
  ]);
  const again = new Audiences(config, { entries, next: { queries: 2 } });
  expect([again.suffices('full'), again.suffices('half')]).toEqual([true, false]);
  again.note('half', 'bob');
  expect(again.suffices('half')).toBe(false);
  again.note('half', 'eve');
  expect(again.suffices('half')).toBe(true);
});

test('when full, the query least recently issued is forgotten and counts from nobody again', () => {
  const audiences = fresh();
  const issue = (query: string) => ['ann', 'bob', 'eve'].map((user) => audiences.note(query, user));
  for (const query of ['a', 'b', 'c', 'd']) issue(query);
  audiences.note('a', 'ann'); // older than half the capacity: renewed
  issue('e');
  expect(['a', 'b', 'c', 'd', 'e'].map((query) => audiences.suffices(query))).toEqual([
    true,
    false,
    true,
    true,
    true,
  ]);
});

test('every further user is saved', () => {
  const audiences = fresh();
  const saved = () => {
    const changes: StateEntry[] = [];
    audiences.table.drain(changes);
    return changes.map(({ value }) => Buffer.from(value!).toString());
  };
  audiences.note('q', 'ann');
  expect(saved()).toEqual(['[1,0,"q","ann"]']);
  audiences.note('q', 'bob');
  expect(saved()).toEqual(['[1,0,"q","ann","bob"]']);
});

test('a known query that is issued often does not change its slot every time', () => {
  const audiences = fresh();
  for (const user of ['ann', 'bob', 'eve']) audiences.note('q', user);
  audiences.table.drain([]);
  const changes: StateEntry[] = [];
  for (let i = 0; i < 100; i++) audiences.note('q', `user ${i}`);
  audiences.table.drain(changes);
  expect(changes).toEqual([]);
});
