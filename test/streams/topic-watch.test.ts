// A topic that is not there, or that ends before the place that was read to, is told of once, after the
// broker has said so twice in a row; a broker that does not answer says nothing about the topic. Nothing is
// asked for after that, nor after the end.
import { expect, test } from 'vitest';
import { RestillError } from '../../src/errors.ts';
import { watchTopic } from '../../src/streams/topic-watch.ts';
import { virtualTimer } from '../support/virtual-timer.ts';

type Answer = ReadonlyMap<string, { readonly high: number }> | RestillError;

const ends = (...highs: number[]): Answer =>
  new Map(highs.map((high, partition) => [`clicks/${partition}`, { high }]));
const unknown = new RestillError('KAFKA_TOPIC_UNKNOWN', 'gone');
const away = new RestillError('KAFKA_UNREACHABLE', 'no answer');

/** Asks as often as there are answers; the source is at offset 5 of partition 0 and 7 of partition 1. */
async function watched(answers: readonly Answer[], closeAfter = answers.length) {
  const timer = virtualTimer();
  const failures: unknown[] = [];
  let asked = 0;
  const watch = watchTopic({
    ...{ timer, everyMs: 100, failed: (error) => failures.push(error) },
    places: () => [
      { topic: 'clicks', partition: 0, next: 5 },
      { topic: 'clicks', partition: 1, next: 7 },
    ],
    desk: {
      ranges: () => {
        const answer = answers[asked++]!;
        return answer instanceof RestillError ? Promise.reject(answer) : Promise.resolve(answer);
      },
    },
  });
  for (let at = 0; at < answers.length; at++) {
    if (at === closeAfter) watch.close();
    timer.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { failures, asked, waiting: timer.waiting };
}

test('a topic that is where it was, or goes on, is left alone', async () => {
  const answers = [ends(5, 7), ends(6, 7), ends(50, 70)];
  expect(await watched(answers)).toEqual({ failures: [], asked: 3, waiting: 1 });
});

test('one that is gone twice in a row is told of, once', async () => {
  const answers = [unknown, unknown, unknown];
  expect(await watched(answers)).toEqual({ failures: [unknown], asked: 2, waiting: 0 });
});

test.each([
  ['that is there again', ends(5, 7)],
  ['of a broker that does not answer', away],
])('one that is gone for a moment is not: %s', async (_, between) => {
  expect((await watched([unknown, between, unknown, ends(5, 7)])).failures).toEqual([]);
});

test.each([
  ['shorter', ends(5, 6)],
  ['empty', ends(0, 0)],
  ['with fewer partitions', ends(5)],
])('one made again, and %s, is another one', async (_, made) => {
  const { failures } = await watched([made, made]);
  expect(failures).toMatchObject([{ code: 'JOURNAL_FOREIGN' }]);
});

test('nothing is asked after the end', async () => {
  expect(await watched([ends(5, 7), unknown, unknown], 1)).toEqual({ failures: [], asked: 1, waiting: 0 });
});
