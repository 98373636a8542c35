// The invariants of desk.fs.ts: every move is audited first, an operator's decision is newer than a verdict
// that was reached without it, nothing damaged goes live, and what is to be rolled back to is kept. A daemon
// that starts again undoes nothing.
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Desk } from '../../src/checkpoint/desk.fs.ts';
import { diskFiles, type Files } from '../../src/checkpoint/files.fs.ts';
import { generationId } from '../../src/checkpoint/generation.ts';
import type { GateVerdict, GenerationStore } from '../../src/contract.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { snapshotAt, storeAt, twoGenerations } from '../support/snapshots.ts';

const g = generationId;
const clock = { now: () => 1_767_225_600_000, elapsed: () => 0 };
const alice = { by: 'alice', reason: 'shoes rank low' };
const verdict = (live: number): GateVerdict => ({ decision: 'PROMOTE', reason: 'better', figures: { live } });

/** Generations 1 to 3, promoted one after the other by the gate. */
async function threeServed() {
  const directory = join(temporaryDirectory(), 'generations');
  const { store } = await storeAt(directory);
  const desk = new Desk({ directory, store, clock });
  for (const number of [1, 2, 3]) await served(store, desk, number);
  return { directory, store, desk, operator: await deskOf(directory) };
}

async function served(store: GenerationStore, desk: Desk, number: number): Promise<void> {
  const live = await store.live();
  await store.publish(snapshotAt({ cursor: 100 * number }), verdict(number - 1));
  expect(await desk.promoteJudged(g(number), { live, pinned: false }, 'better')).toBe(true);
}

/** As an operator's command has it, beside the process that writes. */
async function deskOf(directory: string): Promise<Desk> {
  const { store } = await storeAt(directory, { access: 'operate' });
  return new Desk({ directory, store, clock });
}

/** As the gate found things, when generation 3 was live. */
const onThird = { live: g(3), pinned: false };

const audited = async (desk: Desk): Promise<string[]> =>
  (await desk.audit()).entries.map((e) => `${e.by} ${e.action} ${e.from ?? '-'} > ${e.generation}`);

describe('the gate', () => {
  it('promotes, and writes down what it moved from', async () => {
    const { store, desk } = await threeServed();
    expect(await store.live()).toBe(g(3));
    expect(await audited(desk)).toEqual([
      'gate promote - > g000001',
      'gate promote g000001 > g000002',
      'gate promote g000002 > g000003',
    ]);
    expect(await desk.standing()).toEqual({ live: g(3), pinned: false, movedAt: 300 });
  });

  it('gives way to an operator who decided while it judged', async () => {
    const { store, desk, operator } = await threeServed();
    const against = await desk.standing();
    await store.publish(snapshotAt({ cursor: 400 }), verdict(3));
    await operator.rollback(alice);
    expect(await desk.promoteJudged(g(4), against, 'better')).toBe(false);
    expect(await store.live()).toBe(g(2));
  });

  it('leaves what an operator pinned while it judged, unless it knew', async () => {
    const { store, desk, operator } = await threeServed();
    const against = await desk.standing();
    await store.publish(snapshotAt({ cursor: 400 }), verdict(3));
    await operator.pin(g(3), alice);
    expect(await desk.promoteJudged(g(4), against, 'better')).toBe(false);
    expect(await store.live()).toBe(g(3));
    expect(await desk.promoteJudged(g(4), await desk.standing(), 'live-unusable')).toBe(true);
  });

  it.each<[string, (operator: Desk) => Promise<unknown>, number]>([
    ['a rollback', (operator) => operator.rollback(alice), 2],
    ['a pin', (operator) => operator.pin(g(3), alice), 3],
  ])('does not catch up on what %s came before when the daemon starts again', async (_, act, live) => {
    const { directory, store, operator } = await threeServed();
    await act(operator);
    // Published, but killed before it could be promoted: its verdict did not know of that.
    await store.publish(snapshotAt({ cursor: 400 }), verdict(3));
    const { store: restarted } = await storeAt(directory);
    expect(await restarted.live()).toBe(g(live));
  });

  it('does catch up on a promotion that a crash cut short', async () => {
    const { directory, store } = await threeServed();
    await store.publish(snapshotAt({ cursor: 400 }), verdict(3));
    const { store: restarted } = await storeAt(directory);
    expect(await restarted.live()).toBe(g(4));
    const desk = new Desk({ directory, store: restarted, clock });
    await desk.acknowledge();
    await desk.acknowledge();
    expect((await audited(desk)).slice(3)).toEqual(['restill found g000003 > g000004']);
    expect(await (await deskOf(directory)).rollback(alice)).toBe(g(3));
  });
});

describe('an operator', () => {
  it('rolls back step by step, until nothing is left', async () => {
    const { store, operator } = await threeServed();
    expect(await operator.rollback(alice)).toBe(g(2));
    expect(await store.live()).toBe(g(2));
    expect(await operator.rollback(alice)).toBe(g(1));
    await expect(operator.rollback(alice)).rejects.toMatchObject({ code: 'GENERATION_UNKNOWN' });
    expect(await store.live()).toBe(g(1));
    expect((await operator.audit()).entries.at(-1)).toMatchObject({
      ...alice,
      action: 'rollback',
      generation: g(1),
      from: g(2),
      cursor: 300,
    });
  });

  it('is not undone by a daemon that starts again, nor by retention', async () => {
    const { directory, operator } = await threeServed();
    await operator.promote(g(1), alice);
    const { store } = await storeAt(directory);
    expect(await store.live()).toBe(g(1));
    await store.publish(snapshotAt({ cursor: 400 }), { ...verdict(1), decision: 'HOLD' });
    expect(await store.retain(1)).toEqual([g(2)]);
    // g000003 served before: kept to roll back to.
    expect(await (await deskOf(directory)).rollback(alice)).toBe(g(3));
  });

  it.each<[string, (directory: string) => void, string]>([
    ['damaged', (at) => appendFileSync(join(at, 'g000002', 'state.json'), ' '), 'GENERATION_DAMAGED'],
    ['gone', (at) => rmSync(join(at, 'g000002'), { recursive: true }), 'GENERATION_UNKNOWN'],
  ])('cannot put in service what is %s; then nothing has changed', async (_, harm, code) => {
    const { directory, store, operator } = await threeServed();
    const before = await audited(operator);
    harm(directory);
    await expect(operator.rollback(alice)).rejects.toMatchObject({ code });
    await expect(operator.promote(g(2), alice)).rejects.toMatchObject({ code });
    await expect(operator.pin(g(2), alice)).rejects.toMatchObject({ code });
    expect(await store.live()).toBe(g(3));
    expect(await audited(operator)).toEqual(before);
  });

  it('cannot roll back by an audit that was changed, but promote by name', async () => {
    const { directory, store, operator } = await threeServed();
    const path = join(directory, 'audit.jsonl');
    writeFileSync(path, readFileSync(path, 'utf8').replace(/.*\n/, ''));
    await expect(operator.rollback(alice)).rejects.toMatchObject({
      code: 'AUDIT_DAMAGED',
      message: expect.stringContaining('line 1'),
    });
    expect(await operator.promote(g(2), alice)).toBe(g(2));
    expect(await store.live()).toBe(g(2));
  });

  it('pins: retention and the gate are told, and the audit says so', async () => {
    const { directory, store, desk, operator } = await threeServed();
    writeFileSync(join(directory, 'pinned'), '# by hand\ng000001');
    expect(await operator.pin(g(3), { by: 'alice', reason: 'two\nlines' })).toBe(true);
    expect(await operator.pin(g(3), alice)).toBe(false);
    expect(readFileSync(join(directory, 'pinned'), 'utf8')).toBe(
      '# by hand\ng000001\ng000003  # alice: two lines\n',
    );
    expect(await desk.standing()).toMatchObject({ live: g(3), pinned: true });
    expect(await store.retain(1)).toEqual([]);
    expect(await operator.unpin(g(3), alice)).toBe(true);
    expect(await operator.unpin(g(3), alice)).toBe(false);
    expect(readFileSync(join(directory, 'pinned'), 'utf8')).toBe('# by hand\ng000001\n');
    expect((await audited(desk)).slice(3)).toEqual([
      'alice pin g000003 > g000003',
      'alice unpin g000003 > g000003',
    ]);
  });

  it('pins, and says so, when another was quicker', async () => {
    const { directory, operator, desk, store } = await threeServed();
    await store.publish(snapshotAt({ cursor: 400 }), verdict(3));
    let decided = false;
    /** Just before the line is written, the gate writes one. */
    const append: Files['append'] = async (path) => {
      if (!decided) {
        decided = true;
        await desk.promoteJudged(g(4), onThird, 'better');
      }
      return diskFiles.append(path);
    };
    const beside = new Desk({ directory, store, clock, files: { ...diskFiles, append } });
    expect(await beside.pin(g(2), alice)).toBe(true);
    expect((await operator.audit()).entries.at(-1)).toMatchObject({
      ...{ action: 'pin', generation: g(2), from: g(4), overtaken: false },
    });
    expect(await store.retain(1)).toEqual([g(1)]);
  });

  it('decides again when another was quicker; the last line of the audit is what is live', async () => {
    const { directory, store } = await threeServed();
    const desks = await Promise.all([1, 2, 3, 4].map(() => deskOf(directory)));
    await Promise.allSettled(desks.map((desk, i) => desk.promote(g(1 + (i % 3)), alice)));
    const { entries, problems } = await desks[0]!.audit();
    expect(problems).toEqual([]);
    const last = entries.filter(({ overtaken }) => !overtaken).at(-1)!;
    expect(await store.live()).toBe(last.generation);
  });

  it('goes where a rollback leads by now, when what it led to is retired while it is read', async () => {
    const { directory, store, desk } = await threeServed();
    let retired = false;
    /** The daemon moves on and retires g000002 just when the command looks into it. */
    const openRead: Files['openRead'] = async (path) => {
      if (!retired && path.includes('g000002')) {
        retired = true;
        await store.publish(snapshotAt({ cursor: 400 }), verdict(3));
        await desk.promoteJudged(g(4), onThird, 'better');
        await store.retain(1);
      }
      return diskFiles.openRead(path);
    };
    const beside = await storeAt(directory, { files: { ...diskFiles, openRead }, access: 'operate' });
    const operator = new Desk({ directory, store: beside.store, clock });
    expect(await operator.rollback(alice)).toBe(g(3));
    expect(await store.live()).toBe(g(3));
  });

  it('has the last word when it comes between the line and the move of another', async () => {
    const { directory, operator } = await threeServed();
    let decided = false;
    /** Just before the pointer is replaced, an operator moves it. */
    const rename = async (from: string, to: string): Promise<void> => {
      if (!decided && to.endsWith('current.json')) {
        decided = true;
        await operator.promote(g(1), alice);
      }
      await diskFiles.rename(from, to);
    };
    const { store } = await storeAt(directory, { files: { ...diskFiles, rename } });
    const desk = new Desk({ directory, store, clock });
    await store.publish(snapshotAt({ cursor: 400 }), verdict(3));
    expect(await desk.promoteJudged(g(4), onThird, 'better')).toBe(false);
    expect((await audited(operator)).slice(3)).toEqual([
      'gate promote g000003 > g000004',
      'alice promote g000003 > g000001',
    ]);
    expect(await store.live()).toBe(g(1));
  });

  it('has the last word over one who puts another in its right', async () => {
    const { directory, operator } = await threeServed();
    const others = [g(2), g(3)];
    /** Each time just before the pointer is replaced, an operator moves it. */
    const rename = async (from: string, to: string): Promise<void> => {
      const other = to.endsWith('current.json') ? others.shift() : undefined;
      if (other) await operator.promote(other, alice);
      await diskFiles.rename(from, to);
    };
    const { store } = await storeAt(directory, { files: { ...diskFiles, rename } });
    expect(await new Desk({ directory, store, clock }).promote(g(1), alice)).toBe(g(3));
    expect(await store.live()).toBe(g(3));
  });

  it('leaves alone what the daemon is writing', async () => {
    const { directory } = await twoGenerations();
    const staging = join(directory, '.staging-g000003');
    writeFileSync(staging, '');
    await (await deskOf(directory)).promote(g(1), alice);
    expect(existsSync(staging)).toBe(true);
    expect(readdirSync(directory).filter((name) => name.endsWith('.new'))).toEqual([]);
  });
});

it('begins with what is live where there was no audit', async () => {
  const { directory, store } = await twoGenerations();
  await store.setLive(g(1));
  const operator = await deskOf(directory);
  await operator.promote(g(2), alice);
  expect(await audited(operator)).toEqual(['restill found - > g000001', 'alice promote g000001 > g000002']);
  expect(await operator.rollback(alice)).toBe(g(1));
});
