// Invariants:
// - a request is answered by the student that was live when it came; a swap drops nothing, and the old one is
//   disposed when the last answer is out
// - a student that is damaged, too slow or wrong is refused by name, leaves nothing behind, and is not tried
//   again until somebody sets the pointer; the old one answers on
// - a newer wish calls off a load; a generation that is the candidate goes live without being loaded
// - a full queue says when to come again; a request larger than the queue is taken when it is empty
// - a dead engine is loaded again, at once and then with growing pauses; where nobody answers meanwhile, also
//   when that takes too long or the disk does not answer
// - closing answers what is queued, takes nothing more, disposes everything
import { describe, expect, it } from 'vitest';
import type { GenerationId } from '../../src/contract.ts';
import { RestillError } from '../../src/errors.ts';
import { ServeBusy } from '../../src/serving/busy.ts';
import type { ServingNews, Student } from '../../src/serving/ports.ts';
import { openRanker } from '../../src/serving/ranker.ts';
import {
  idOf,
  type PlainStudent,
  plainEngine,
  plainGolden,
  plainStudent,
  settle,
} from '../support/plain-student.ts';
import { virtualTimer } from '../support/virtual-timer.ts';

const loadDeadlineMs = 1000;
const pair = { query: 'red', document: 'shoes' };

interface Load {
  readonly id: GenerationId;
  readonly give: (student: Student) => Promise<void>;
  readonly fail: (error: Error) => Promise<void>;
  readonly signal: AbortSignal;
}

function open({ candidate = false, queueMax = 100 } = {}) {
  const timer = virtualTimer();
  const loads: Load[] = [];
  const news: ServingNews[] = [];
  const ranker = openRanker({
    settings: { threads: 1, queueMax, batchBudgetMs: 50, loadDeadlineMs, pollMs: 100, candidate },
    timer,
    breathe: () => Promise.resolve(),
    onNews: (one) => void news.push(one),
    load: (id, signal) =>
      new Promise((resolve, reject) => {
        const then = (how: () => void) => {
          how();
          return settle();
        };
        loads.push({ id, signal, give: (s) => then(() => resolve(s)), fail: (e) => then(() => reject(e)) });
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
  });
  let pointers = 0;
  /** Sets the pointer, as an operator or the gate does. */
  const want = (live: number | null, other: number | null = null) => {
    const [first, second] = [live, other].map((seed) => (seed === null ? null : idOf(seed)));
    ranker.want({ pointer: `${++pointers}`, live: first!, candidate: second! });
    return settle();
  };
  const begin = async (student: PlainStudent) => {
    await want(1);
    await loads.at(-1)!.give(student);
  };
  const rank = (which: 'live' | 'candidate' = 'live', signal = new AbortController().signal) =>
    ranker.rank([pair, pair], { which, cut: true, signal });
  const told = () => news.map((one) => one.kind).join(' ');
  return { ranker, timer, loads, news, want, begin, rank, told };
}

describe('a swap', () => {
  it('drops nothing: requests under way finish on the student they began with', async () => {
    const { want, begin, rank, loads, told, ranker } = open();
    const old = plainStudent(1, { engine: plainEngine(1, true) });
    await begin(old);
    await old.engine.held[0]!.answer(); // The proof.
    const waiting = rank();
    await want(2);
    await loads[1]!.give(plainStudent(2));
    expect(await rank()).toMatchObject({
      generation: 'g000002',
      logits: Float32Array.of(2008, 2008),
      tokens: 16,
    });
    expect(old.engine.disposals()).toBe(0);
    await old.engine.held[0]!.answer();
    expect(await waiting).toMatchObject({ generation: 'g000001', logits: Float32Array.of(1008, 1008) });
    await settle();
    expect(old.engine.disposals()).toBe(1);
    expect(told()).toBe('live live disposed');
    expect(ranker.live()).toMatchObject({ generation: 'g000002', tokensMax: 20 });
    expect(ranker.figures()).toMatchObject({ swaps: 2, queuedPairs: 0, batches: 2, pairs: 4 });
  });

  it('back to the one before is immediate where it was kept as the candidate', async () => {
    const { want, begin, rank, loads } = open({ candidate: true });
    const [old, fresh] = [plainStudent(1), plainStudent(2)];
    await begin(old);
    await want(2, 1);
    await loads[1]!.give(fresh);
    expect((await rank('candidate')).generation).toBe('g000001');
    await want(1, 2);
    expect((await rank()).generation).toBe('g000001');
    expect((await rank('candidate')).generation).toBe('g000002');
    expect([loads.length, old.engine.disposals(), fresh.engine.disposals()]).toEqual([2, 0, 0]);
  });

  it('to a generation that is being loaded as the candidate takes that one, and loses nobody', async () => {
    const { want, begin, rank, loads, ranker, told } = open({ candidate: true });
    const [old, fresh] = [plainStudent(1), plainStudent(2)];
    await begin(old);
    await want(1, 2);
    await want(2, 1);
    await loads[1]!.give(fresh);
    expect((await rank()).generation).toBe('g000002');
    expect((await rank('candidate')).generation).toBe('g000001');
    expect(loads.length).toBe(2);
    await ranker.close();
    await settle();
    expect([old.engine.disposals(), fresh.engine.disposals()]).toEqual([1, 1]);
    expect(told()).toBe('live candidate live candidate disposed disposed');
  });

  it('to a generation that is being loaded as the candidate waits for that', async () => {
    const { want, begin, rank, loads } = open({ candidate: true });
    await begin(plainStudent(1));
    await want(1, 2);
    await want(2, 1);
    await loads[1]!.give(plainStudent(2));
    expect([(await rank()).generation, (await rank('candidate')).generation]).toEqual(['g000002', 'g000001']);
    expect(loads.length).toBe(2);
  });

  it('leaves nothing of a candidate that nobody wants when it is ready', async () => {
    const { want, begin, loads, ranker } = open({ candidate: true });
    await begin(plainStudent(1));
    await want(1, 2);
    const unwanted = plainStudent(2);
    const given = loads[1]!.give(unwanted);
    void want(1, null);
    await given;
    expect(unwanted.engine.disposals()).toBe(1);
    await ranker.close();
    expect(unwanted.engine.disposals()).toBe(1);
  });

  it('to another generation calls off a load that nobody waits for', async () => {
    const { want, begin, loads, told, ranker } = open();
    await begin(plainStudent(1));
    await want(2);
    await want(3);
    expect(loads.map(({ id }) => id)).toEqual(['g000001', 'g000002', 'g000003']);
    expect(loads[1]!.signal.aborted).toBe(true);
    await loads[2]!.give(plainStudent(3));
    expect([told(), ranker.live()?.generation]).toEqual(['live live disposed', 'g000003']);
  });
});

describe('a refused generation', () => {
  const damaged = new RestillError('GENERATION_DAMAGED', 'weights have another checksum');
  const wrong = plainStudent(2, { golden: plainGolden(3) });
  const stuck = plainStudent(2, { engine: plainEngine(2, true) });
  it.each([
    ['GENERATION_DAMAGED', (load: Load) => load.fail(damaged), null],
    ['GENERATION_UNPROVEN', (load: Load) => load.give(wrong), wrong],
    ['GENERATION_SLOW', () => settle(), null],
    ['GENERATION_SLOW', (load: Load) => load.give(stuck), stuck],
  ])('%s changes nothing, and is tried again only when the pointer is set', async (code, how, student) => {
    const { want, begin, rank, loads, news, timer, ranker } = open();
    const old = plainStudent(1);
    await begin(old);
    await want(2);
    await how(loads[1]!);
    timer.advance(loadDeadlineMs);
    await settle();
    expect(news.at(-1)).toMatchObject({ kind: 'refused', refusal: { generation: 'g000002', code } });
    expect(ranker.lastRefusal()).toMatchObject({ code });
    expect(ranker.figures().refusals).toBe(1);
    expect((await rank()).generation).toBe('g000001');
    expect(student?.engine.disposals() ?? 1).toBe(1);
    ranker.want({ pointer: '2', live: idOf(2), candidate: null }); // The same pointer, seen again.
    await settle();
    expect(loads.length).toBe(2);
    await want(2);
    await loads[2]!.give(plainStudent(2));
    expect((await rank()).generation).toBe('g000002');
  });

  it('as candidate leaves the live one alone', async () => {
    const { want, begin, rank, loads, told } = open({ candidate: true });
    await begin(plainStudent(1));
    await want(1, 2);
    await loads[1]!.give(plainStudent(2, { golden: plainGolden(1) }));
    await want(1, 2);
    expect([told(), loads.length]).toEqual(['live refused', 2]);
    await expect(rank('candidate')).rejects.toMatchObject({ code: 'SERVE_NOT_READY' });
  });

  it('is said to be when the pointer itself cannot be read, once', async () => {
    const { ranker, begin, told, rank } = open();
    await begin(plainStudent(1));
    for (let look = 0; look < 3; look++)
      ranker.unreadable(new RestillError('GENERATION_DAMAGED', 'current.json: no'));
    expect(told()).toBe('live refused');
    expect(ranker.lastRefusal()).toMatchObject({ generation: null, code: 'GENERATION_DAMAGED' });
    expect((await rank()).generation).toBe('g000001');
  });
});

describe('a queue', () => {
  it('that is full says when to come again', async () => {
    const { begin, rank, ranker } = open({ queueMax: 3 });
    const engine = plainEngine(1);
    await begin(plainStudent(1, { engine }));
    const [first, second] = [rank(), rank()];
    const busy = await second.catch((error: unknown) => error);
    expect(busy).toBeInstanceOf(ServeBusy);
    expect(busy).toMatchObject({ code: 'SERVE_BUSY', message: expect.stringContaining('at most 3') });
    await first;
    const many = Array.from({ length: 40 }, () => pair);
    const o = { which: 'live', cut: true, signal: new AbortController().signal } as const;
    expect((await ranker.rank(many, o)).logits.length).toBe(40);
    expect(ranker.figures().queuedPairs).toBe(0);
  });

  it('forgets who has gone, and refuses what must not be cut', async () => {
    const { begin, ranker } = open();
    await begin(plainStudent(1));
    const controller = new AbortController();
    controller.abort(new Error('gone'));
    const o = { which: 'live', cut: false } as const;
    await expect(ranker.rank([pair], { ...o, signal: controller.signal })).rejects.toThrow('gone');
    const long = { query: 'a', document: 'b'.repeat(30) };
    const { signal } = new AbortController();
    await expect(ranker.rank([pair, long], { ...o, signal })).rejects.toMatchObject({
      code: 'SERVE_TEXT_TOO_LONG',
    });
    expect((await ranker.rank([pair, long], { ...o, cut: true, signal })).tokens).toBe(28);
    expect(ranker.figures().queuedPairs).toBe(0);
  });
});

describe('an engine that dies', () => {
  it('is loaded again, at once and then with growing pauses', async () => {
    const { begin, rank, loads, timer, told } = open();
    const [first, second] = [plainStudent(1), plainStudent(1)];
    await begin(first);
    await first.die();
    await expect(rank()).rejects.toMatchObject({ code: 'SERVE_NOT_READY' });
    expect(first.engine.disposals()).toBe(1);
    timer.advance(0);
    await loads[1]!.give(second);
    expect((await rank()).generation).toBe('g000001');
    await second.die();
    timer.advance(499);
    expect(loads.length).toBe(2);
    timer.advance(1);
    expect(loads.length).toBe(3);
    expect(told()).toBe('live died disposed live died disposed');
  });

  it.each([
    ['GENERATION_SLOW', loadDeadlineMs, () => settle()],
    ['STORE_READ_FAILED', 0, (load: Load) => load.fail(new RestillError('STORE_READ_FAILED', 'EIO'))],
  ])('is loaded again after %s, for nobody else answers', async (code, afterMs, how) => {
    const { begin, rank, loads, timer, told, ranker } = open();
    const first = plainStudent(1);
    await begin(first);
    await first.die();
    timer.advance(0);
    await how(loads[1]!);
    timer.advance(afterMs);
    await settle();
    expect(ranker.lastRefusal()).toMatchObject({ code });
    timer.advance(500);
    await loads[2]!.give(plainStudent(1));
    expect((await rank()).generation).toBe('g000001');
    expect(told()).toBe('live died disposed refused live');
  });
});

describe('closing', () => {
  it('answers what is queued, takes nothing more, disposes everything', async () => {
    const { begin, rank, ranker, loads, want } = open();
    const engine = plainEngine(1, true);
    await begin(plainStudent(1, { engine }));
    await engine.held[0]!.answer();
    const waiting = rank();
    await want(2);
    const closed = ranker.close();
    await expect(rank()).rejects.toMatchObject({ code: 'SERVE_NOT_READY' });
    expect(engine.disposals()).toBe(0);
    await engine.held[0]!.answer();
    expect((await waiting).generation).toBe('g000001');
    await closed;
    expect([engine.disposals(), loads[1]!.signal.aborted, ranker.live()]).toEqual([1, true, null]);
  });
});
