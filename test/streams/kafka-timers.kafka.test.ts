// wakeAtResume of kafka-timers.kafka.ts: a fetch that sleeps because all is paused ends when something is
// resumed, on each node; any other fetch is left alone, with its errors.
import { expect, test } from 'vitest';
import { wakeAtResume } from '../../src/streams/kafka-timers.kafka.ts';

/** What of a consumer group of kafkajs is touched; its fetches end when told to. */
class Group {
  active: number[] = [];
  readonly fetches: { readonly node: string; end(batches: unknown[]): void; fail(error: Error): void }[] = [];
  readonly subscriptionState = { active: () => [{ partitions: this.active }] };

  fetch(node: string): Promise<unknown[]> {
    return new Promise((end, fail) => this.fetches.push({ node, end, fail }));
  }

  resume(partitions: unknown): void {
    this.active = partitions as number[];
  }
}
wakeAtResume(Group.prototype);

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A group, and what its fetches have come to so far. */
function open() {
  const group = new Group();
  const ended: unknown[] = [];
  const fetch = (node: string): void =>
    void group.fetch(node).then(
      (batches) => ended.push(batches),
      (error: Error) => ended.push(error.message),
    );
  return { group, ended, fetch };
}

test('all paused: it ends with nothing when something is resumed, on each node', async () => {
  const { group, ended, fetch } = open();
  fetch('1');
  fetch('2');
  await settle();
  expect(ended).toEqual([]);
  group.resume([0]);
  await settle();
  expect(ended).toEqual([[], []]);
  group.fetches[0]!.end(['late']);
  group.fetches[1]!.fail(new Error('late'));
  await settle();
  expect(ended).toEqual([[], []]);
});

test('all paused and nothing is resumed: it ends as it would have, also with its error', async () => {
  const { group, ended, fetch } = open();
  fetch('1');
  group.fetches[0]!.end([]);
  await settle();
  fetch('1');
  group.fetches[1]!.fail(new Error('rebalancing'));
  await settle();
  expect(ended).toEqual([[], 'rebalancing']);
});

test('something to fetch: another partition that is resumed does not cut it short', async () => {
  const { group, ended, fetch } = open();
  group.active = [0];
  fetch('1');
  group.resume([0, 1]);
  await settle();
  expect(ended).toEqual([]);
  group.fetches[0]!.end(['batch']);
  await settle();
  expect(ended).toEqual([['batch']]);
});
