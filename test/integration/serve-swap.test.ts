// Swaps under load, over HTTP, with real generations and real engines (promise 8): while 16 requests are
// always in flight the live generation is moved 20 times. No request fails; every score is that of the
// generation that its header names; each of them answers; a student that was replaced for good is given up.
// In between a damaged, a wrong and a hanging generation are published and pointed to: each is refused by
// name, and no answer is ever of one of them.
//
// RESTILL_SWAP_SECONDS makes it longer: the load goes on, and so do the swaps, until they are over.
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodeGolden, type GoldenVector } from '../../src/checkpoint/golden.ts';
import { addExportCommand } from '../../src/commands/export.ts';
import { serveGenerations } from '../../src/commands/served-generations.ts';
import type { Generation, GenerationId } from '../../src/contract.ts';
import { type Random, randomFor } from '../../src/random.ts';
import type { Ranker, ServingNews } from '../../src/serving/ports.ts';
import { runCommand } from '../support/command-line.ts';
import { openTestDoor } from '../support/door.ts';
import { generationsIn } from '../support/exported.ts';
import { flipBit, hang, point, studentSnapshot, timerUntil } from '../support/served.ts';
import { promote, storeAt } from '../support/snapshots.ts';

const seconds = Number(process.env.RESTILL_SWAP_SECONDS ?? 10);
const swapsLeast = 20;
const inFlight = 16;
const tolerance = 1e-4;
const loadDeadlineMs = 123_456;
const patience = { timeout: 120_000 };

const root = mkdtempSync(join(tmpdir(), 'restill-swap-'));
const data = join(root, 'data');
const directory = join(data, 'generations');
let generations: Generation[];
/** By generation; the same texts in the same order in each. */
const golden = new Map<string, GoldenVector[]>();

beforeAll(async () => {
  generations = await generationsIn(data, [1, 2, 3]);
  for (const { manifest } of generations) {
    const out = join(root, manifest.id);
    const argv = ['export', manifest.id, '--data', data, '--out', out, '--to', 'hf'];
    expect((await runCommand(addExportCommand, ...argv)).error).toBeNull();
    golden.set(manifest.id, decodeGolden(readFileSync(join(out, 'golden.jsonl'), 'utf8')));
  }
  await makeUnfit();
}, 300_000);
afterAll(() => rmSync(root, { recursive: true }));

interface Load {
  readonly answers: Map<string, number>;
  readonly failures: string[];
  isOver: boolean;
}

/** Asks about some of the texts, again and again, and compares with what the generation named would say. */
async function keepAsking(url: string, random: Random, load: Load): Promise<void> {
  const texts = golden.get(generations[0]!.manifest.id)!;
  while (!load.isOver) {
    const asked = random.sample([...texts.keys()], 1 + random.below(8));
    const body = {
      queries: asked.map((i) => texts[i]!.query),
      documents: asked.map((i) => texts[i]!.document),
    };
    const response = await fetch(`${url}/score`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    const generation = response.headers.get('restill-generation') ?? '';
    const expected = golden.get(generation);
    if (response.status !== 200 || expected === undefined) {
      load.failures.push(`${response.status} ${generation} ${text.slice(0, 200)}`);
      continue;
    }
    const { data: scores, model } = JSON.parse(text) as { data: { score: number }[]; model: string };
    const isRight = scores.every(({ score }, i) => Math.abs(score - expected[asked[i]!]!.logit) < tolerance);
    if (!isRight || model !== generation || scores.length !== asked.length)
      load.failures.push(`${generation} gave ${text.slice(0, 200)}`);
    load.answers.set(generation, (load.answers.get(generation) ?? 0) + 1);
  }
}

/** What must not go live, and how it is told. */
const unfit = [
  { code: 'GENERATION_DAMAGED', snapshot: studentSnapshot(100), harm: flipBit },
  { code: 'GENERATION_UNPROVEN', snapshot: studentSnapshot(200, 201), harm: () => {} },
  { code: 'GENERATION_SLOW', snapshot: studentSnapshot(300), harm: hang },
];
/** Where they wait to be published; in their order. */
const aside = join(root, 'unfit');
const unfitIds: GenerationId[] = [];
/** The first comes after so many, and so on. */
const swapsBetween = 5;

/** Beside the generations: what is published is harmed from its first moment. */
async function makeUnfit(): Promise<void> {
  const { store } = await storeAt(directory);
  mkdirSync(aside);
  for (const { snapshot } of unfit) unfitIds.push((await store.publish(snapshot, promote)).manifest.id);
  for (const [i, id] of unfitIds.entries()) {
    unfit[i]!.harm(join(directory, id, 'student/model.safetensors'));
    renameSync(join(directory, id), join(aside, id));
  }
}

it(`moves the live generation ${swapsLeast} times under load`, async () => {
  const news: ServingNews[] = [];
  const deadlines: (() => void)[] = [];
  const ranker: Ranker = serveGenerations({
    directory,
    settings: {
      ...{ threads: 1, queueMax: 2000, batchBudgetMs: 20, loadDeadlineMs, pollMs: 250 },
      candidate: true,
    },
    onNews: (one) => news.push(one),
    timer: timerUntil(loadDeadlineMs, deadlines),
  });
  const { url, log } = await openTestDoor({}, { ranker });
  const { store } = await storeAt(directory);
  const liveIs = (id: string) => expect.poll(() => ranker.live()?.generation, patience).toBe(id);
  await liveIs(generations[0]!.manifest.id);
  const load: Load = { answers: new Map(), failures: [], isOver: false };
  const answersOn = async (): Promise<void> => {
    const before = total(load);
    await expect.poll(() => total(load) - before, patience).toBeGreaterThan(inFlight);
  };
  const refusals = (id: GenerationId) =>
    news.flatMap((one) => (one.kind === 'refused' && one.refusal.generation === id ? [one.refusal] : []));
  /** It is tried as the candidate, as it is the newest, and then as the live one. */
  const publishUnfit = async (id: GenerationId): Promise<void> => {
    const live = ranker.live()!.generation;
    const { code } = unfit[unfitIds.indexOf(id)]!;
    const isRefused = (times: number) =>
      expect
        .poll(() => {
          if (code === 'GENERATION_SLOW') for (const isOver of deadlines.splice(0)) isOver();
          return refusals(id).map((refusal) => refusal.code);
        }, patience)
        .toEqual(Array(times).fill(code));
    renameSync(join(aside, id), join(directory, id));
    await isRefused(1);
    point(directory, id);
    await isRefused(2);
    await answersOn();
    expect(ranker.live()!.generation).toBe(live);
    point(directory, live);
    renameSync(join(directory, id), join(aside, id));
  };
  const random = randomFor(8, 'swap');
  const asking = Array.from({ length: inFlight }, (_, i) => keepAsking(url, randomFor(8, 'load', i), load));
  const from = performance.now();
  for (let swaps = 0; swaps < swapsLeast || performance.now() - from < seconds * 1000; swaps++) {
    const bad = swaps % swapsBetween === 0 ? unfitIds[swaps / swapsBetween - 1] : undefined;
    if (bad) await publishUnfit(bad);
    const others = generations.filter(({ manifest }) => manifest.id !== ranker.live()?.generation);
    const { id } = others[random.below(others.length)]!.manifest;
    await store.setLive(id);
    await liveIs(id);
    await answersOn();
  }
  load.isOver = true;
  await Promise.all(asking);
  expect(load.failures).toEqual([]);
  expect(log).toEqual([]);
  expect([...load.answers.keys()].sort()).toEqual(generations.map(({ manifest }) => manifest.id));
  expect(unfitIds.map((id) => refusals(id).length)).toEqual([2, 2, 2]);
  expect(news.filter(({ kind }) => kind === 'died')).toEqual([]);
  await ranker.close();
  const came = news.filter(({ kind }) => kind === 'live' || kind === 'candidate').length;
  const gone = news.filter(({ kind }) => kind === 'disposed').length;
  expect(gone).toBeGreaterThanOrEqual(3); // at least as many as there were in the end
  expect(gone).toBeLessThanOrEqual(came);
}, 600_000);

it('knows one generation from another', () => {
  const [first, second, third] = [...golden.values()];
  for (const [a, b] of [
    [first!, second!],
    [second!, third!],
    [first!, third!],
  ] as const)
    expect(a.every(({ logit }, i) => Math.abs(logit - b[i]!.logit) > 10 * tolerance)).toBe(true);
});

const total = ({ answers }: Load): number => [...answers.values()].reduce((sum, count) => sum + count, 0);
