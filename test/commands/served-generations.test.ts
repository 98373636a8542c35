// Invariants:
// - 20 swaps while 16 requests are in flight: none fails, and every score is that of the generation named,
//   computed by other means
// - a damaged, a hanging and a wrong generation in between are refused by name, and the one before answers on
// - every student that was replaced or refused gives its process back
// - a rollback to a generation that is kept ready loads nothing
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serveGenerations } from '../../src/commands/served-generations.ts';
import type { GenerationId } from '../../src/contract.ts';
import type { ServingNews } from '../../src/serving/ports.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { flipBit, hang, plainLogit, point, studentSnapshot, timerUntil } from '../support/served.ts';
import { promote, storeAt } from '../support/snapshots.ts';

const loadDeadlineMs = 123_456;
const texts = [
  'light trail shoes',
  'green tea',
  'running running running torch',
  'grippy sole naïve red shoes tea',
];
const pairs = texts.map((document) => ({ query: 'red shoes', document }));

/** Of this process. */
function children(): number {
  const file = `/proc/${process.pid}/task/${process.pid}/children`;
  return readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).length;
}

async function open({ candidate = false } = {}) {
  const directory = join(temporaryDirectory(), 'generations');
  const { store } = await storeAt(directory);
  const news: ServingNews[] = [];
  const listeners = new Set<(one: ServingNews) => void>();
  const deadlines: (() => void)[] = [];
  const onNews = (one: ServingNews): void => {
    news.push(one);
    for (const listener of listeners) listener(one);
  };
  const settings = { threads: 1, queueMax: 1000, batchBudgetMs: 50, loadDeadlineMs, pollMs: 100, candidate };
  const timer = timerUntil(loadDeadlineMs, deadlines);
  const ranker = serveGenerations({ directory, settings, onNews, timer });
  onTestFinished(() => ranker.close());
  const heard = (kind: ServingNews['kind']) =>
    new Promise<ServingNews>((resolve) => {
      const listener = (one: ServingNews): void => {
        if (one.kind !== kind) return;
        listeners.delete(listener);
        resolve(one);
      };
      listeners.add(listener);
    });
  const publish = async (seed: number, golden?: number | null) =>
    (await store.publish(studentSnapshot(seed, golden), promote)).manifest.id;
  const rank = () => ranker.rank(pairs, { which: 'live', cut: true, signal: new AbortController().signal });
  const weights = (id: GenerationId) => join(directory, id, 'student/model.safetensors');
  const pointTo = (id: GenerationId): void => point(directory, id);
  return { ranker, news, deadlines, point: pointTo, heard, publish, rank, weights };
}

it('20 swaps under load: nothing fails, every score is of the generation named', async () => {
  const before = children();
  const { ranker, news, deadlines, point, heard, publish, rank, weights } = await open();
  const logits = new Map<string, number[]>();
  const goLive = async (seed: number): Promise<void> => {
    const id = await publish(seed);
    logits.set(
      id,
      pairs.map((pair) => plainLogit(seed, pair)),
    );
    const live = heard('live');
    point(id);
    expect(await live).toMatchObject({ model: { generation: id }, proven: true });
  };
  await goLive(1);
  let stopped = false;
  let answers = 0;
  const client = async (): Promise<void> => {
    while (!stopped) {
      const ranked = await rank();
      const expected = logits.get(ranked.generation)!;
      const errors = [...ranked.logits].map((logit, i) => Math.abs(logit - expected[i]!));
      if (!(Math.max(...errors) < 1e-4))
        throw new Error(`${ranked.generation}: ${ranked.logits}, not ${expected}`);
      answers++;
    }
  };
  const clients = Promise.all(Array.from({ length: 16 }, client));
  const refuse = async (id: GenerationId, code: string): Promise<void> => {
    const refused = heard('refused');
    const answering = ranker.live()!.generation;
    point(id);
    if (code === 'GENERATION_SLOW') {
      const before = deadlines.length;
      while (deadlines.length === before) await rank();
      deadlines.at(-1)!();
    }
    expect(await refused).toMatchObject({ refusal: { generation: id, code } });
    expect((await rank()).generation).toBe(answering);
  };
  for (let seed = 2; seed <= 21; seed++) {
    await goLive(seed);
    if (seed === 6) {
      const damaged = await publish(100);
      flipBit(weights(damaged));
      await refuse(damaged, 'GENERATION_DAMAGED');
    }
    if (seed === 11) await refuse(await publish(200, 201), 'GENERATION_UNPROVEN');
    if (seed === 16) {
      const hanging = await publish(300);
      hang(weights(hanging));
      await refuse(hanging, 'GENERATION_SLOW');
    }
  }
  stopped = true;
  await clients;
  expect(answers).toBeGreaterThan(21);
  expect(ranker.figures()).toMatchObject({ swaps: 21, refusals: 3, queuedPairs: 0 });
  await expect.poll(() => news.filter(({ kind }) => kind === 'disposed').length).toBe(20);
  expect(children() - before).toBe(1);
  await ranker.close();
  expect(children()).toBe(before);
}, 240_000);

describe('a generation that is kept ready', () => {
  it('answers beside the live one, and takes its place without being loaded', async () => {
    const { ranker, news, point, heard, publish, rank } = await open({ candidate: true });
    const [first, second] = [await publish(1), await publish(2, null)];
    const ready = heard('candidate');
    point(first);
    expect(await ready).toMatchObject({ model: { generation: second }, proven: false });
    const { signal } = new AbortController();
    const other = await ranker.rank(pairs, { which: 'candidate', cut: true, signal });
    expect(other.generation).toBe(second);
    expect(other.logits[0]).toBeCloseTo(plainLogit(2, pairs[0]!), 4);
    const processes = children();
    for (const id of [second, first]) {
      const live = heard('live');
      point(id);
      expect(await live).toMatchObject({ model: { generation: id }, tookMs: 0 });
      expect((await rank()).generation).toBe(id);
    }
    expect([children(), news.filter(({ kind }) => kind === 'disposed')]).toEqual([processes, []]);
  });

  it('is loaded again when its process is killed', async () => {
    const { ranker, point, heard, publish, rank } = await open();
    const live = heard('live');
    point(await publish(1));
    await live;
    const file = `/proc/${process.pid}/task/${process.pid}/children`;
    const died = heard('died');
    const again = heard('live');
    process.kill(Number(readFileSync(file, 'utf8').trim().split(' ').at(-1)), 'SIGKILL');
    expect(await died).toMatchObject({ message: expect.stringContaining('killed by SIGKILL') });
    await again;
    expect((await rank()).generation).toBe(ranker.live()!.generation);
  });
});
