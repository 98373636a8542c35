// Groups that may train are sent on in order, once each; a failure that passes costs the groups it came of,
// no more, and one that does not pass is told once.
import { expect, test } from 'vitest';
import { publishGroups } from '../../src/commands/published-groups.ts';
import { RestillError } from '../../src/errors.ts';
import { readGroup } from '../../src/streams/group-topic.ts';
import { groupOf, journalOf } from '../support/groups.ts';

function open() {
  const groups = Array.from({ length: 10 }, (_, at) => groupOf(at, { holdout: at === 5 }));
  const all = journalOf(groups);
  let high = 2;
  const journal = { status: () => ({ ...all.status(), high }), read: all.read };
  const sent: number[] = [];
  const told: unknown[] = [];
  const failures: RestillError[] = [];
  const published = publishGroups(
    journal,
    async (messages) => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      const record = { topic: 'groups', partition: 0, offset: 0, timestampMs: 0, headers: [] };
      sent.push(...messages.map((message) => readGroup({ ...record, ...message }).sequence));
    },
    (error) => told.push(error),
  );
  const upTo = async (to: number): Promise<void> => {
    high = to;
    published.upTo(to);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { published, upTo, sent, told, failures };
}

test('from the end that the journal had, without the holdout', async () => {
  const { published, upTo, sent, told } = open();
  await upTo(4);
  await upTo(10);
  await published.close();
  await upTo(10);
  expect(sent).toEqual([2, 3, 4, 6, 7, 8, 9]);
  expect(told).toEqual([]);
});

test('after a failure that passes it goes on with what comes next', async () => {
  const { upTo, sent, told, failures } = open();
  const failure = new RestillError('KAFKA_UNREACHABLE', 'no broker answers');
  failures.push(failure);
  await upTo(4);
  await upTo(8);
  expect(told).toEqual([failure]);
  expect(sent).toEqual([4, 6, 7]);
});

test('after one that does not pass nothing is sent any more', async () => {
  const { upTo, sent, told, failures } = open();
  failures.push(new RestillError('KAFKA_DENIED', 'may not write'));
  await upTo(4);
  await upTo(8);
  await upTo(9);
  expect(told).toHaveLength(1);
  expect(sent).toEqual([]);
});
