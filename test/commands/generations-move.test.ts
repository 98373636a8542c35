// Invariants:
// - promote, rollback, pin and unpin do what they say, tell it as text and as JSON, and are in the audit with
//   who and why; what they refuse changes nothing
// - the audit is shown, and ends with AUDIT_DAMAGED when a line is missing
// - diff shows what two generations have in common and what not
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addGenerationsCommand } from '../../src/commands/generations.ts';
import { runCommand } from '../support/command-line.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { threeGenerations } from '../support/snapshots.ts';

const restill = (...argv: string[]) => runCommand(addGenerationsCommand, 'generations', ...argv);

const live = async (data: string) =>
  (JSON.parse((await restill('list', '--data', data, '--json')).out) as { live: string }).live;
const why = ['--reason', 'shoes rank low', '--by', 'alice'];

describe('promote and rollback', () => {
  it('move the live pointer and say what became of it', async () => {
    const data = await threeGenerations();
    expect(await restill('promote', 'latest', '--data', data, ...why)).toEqual({
      out:
        'g000003 is live, instead of g000002; by alice: shoes rank low\n' +
        'its gate had said: PROMOTE first\na rollback would lead to g000002\n',
      error: null,
    });
    expect(await live(data)).toBe('g000003');
    const { out } = await restill('rollback', '--data', data, '--json');
    expect(JSON.parse(out)).toMatchObject({
      live: 'g000002',
      changed: true,
      before: null,
      entry: { action: 'rollback', by: userInfo().username, reason: 'not given', from: 'g000003' },
    });
    expect(await live(data)).toBe('g000002');
  });

  it('change nothing where it is live already', async () => {
    const data = await threeGenerations();
    const { out } = await restill('promote', 'live', '--data', data);
    expect(out).toBe('g000002 is live already; nothing was changed\n');
    expect((await restill('audit', '--data', data)).out).toMatch(/^no audit in /);
  });

  it.each<[string[], string]>([
    [['promote', 'g000009'], 'GENERATION_UNKNOWN'],
    [['promote', 'newest'], 'USAGE'],
    [['promote', 'g000001'], 'GENERATION_DAMAGED'],
    [['pin', 'g000001'], 'GENERATION_DAMAGED'],
    [['rollback'], 'GENERATION_UNKNOWN'],
  ])('refuse %j', async (argv, code) => {
    const data = await threeGenerations();
    appendFileSync(join(data, 'generations', 'g000001', 'student', 'model.safetensors'), ' ');
    expect((await restill(...argv, '--data', data)).error).toMatchObject({ code });
    expect(await live(data)).toBe('g000002');
  });

  it('say of a directory without generations that there are none', async () => {
    const { error } = await restill('rollback', '--data', temporaryDirectory());
    expect(error).toMatchObject({ code: 'GENERATION_UNKNOWN' });
  });
});

describe('pin and unpin', () => {
  it('change the file of pins once', async () => {
    const data = await threeGenerations();
    expect((await restill('pin', 'g000001', '--data', data, ...why)).out).toBe('g000001 is pinned\n');
    expect(readFileSync(join(data, 'generations', 'pinned'), 'utf8')).toBe(
      'g000001  # alice: shoes rank low\n',
    );
    const again = await restill('pin', 'g000001', '--data', data);
    expect(again.out).toBe('g000001 is pinned already; nothing was changed\n');
    const { out } = await restill('unpin', 'g000001', '--data', data, '--json');
    expect(JSON.parse(out)).toEqual({ generation: 'g000001', pinned: false, changed: true });
  });
});

describe('audit', () => {
  it('shows who did what, when and why', async () => {
    const data = await threeGenerations();
    await restill('promote', 'g000003', '--data', data, ...why);
    const { out, error } = await restill('audit', '--data', data);
    expect(error).toBeNull();
    expect(out.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'WHEN').split('\n')).toEqual([
      'when (UTC)           who      what     generation  live before  why',
      'WHEN  restill  found    g000002     -            live at a start, and nobody had written why',
      'WHEN  alice    promote  g000003     g000002      shoes rank low',
      '',
    ]);
  });

  it('shows that a line was removed', async () => {
    const data = await threeGenerations();
    await restill('promote', 'g000003', '--data', data, ...why);
    const path = join(data, 'generations', 'audit.jsonl');
    writeFileSync(path, readFileSync(path, 'utf8').split('\n').slice(1).join('\n'));
    const { out, error } = await restill('audit', '--data', data, '--json');
    expect(JSON.parse(out)).toMatchObject({ live: 'g000003', problems: [expect.stringContaining('line 1')] });
    expect(error).toMatchObject({ code: 'AUDIT_DAMAGED', exitCode: 4 });
  });
});

describe('diff', () => {
  it('shows both, and the difference of numbers', async () => {
    const { out, error } = await restill('diff', 'g000001', 'latest', '--data', await threeGenerations());
    expect(error).toBeNull();
    expect(out).toMatch(/^ +g000001 +g000003 +change$/m);
    expect(out).toMatch(/^config +(\w{12}) +\1 +same$/m);
    expect(out).toMatch(/^student +\w{12} +\w{12} +other$/m);
    expect(out).toMatch(/^groups learnt +100 +300 +200$/m);
    expect(out).toMatch(/^next clicks\/0 +700 +2100 +1400$/m);
    expect(out).toMatch(/^holdout\.ndcg10 +0\.6 +0\.8 +0\.2$/m);
    expect(out).toMatch(/^parent +- +g000002 +-$/m);
  });

  it('gives the same as JSON', async () => {
    const { out } = await restill('diff', 'g000001', 'live', '--data', await threeGenerations(), '--json');
    const { a, b, rows, scores } = JSON.parse(out) as Record<string, unknown>;
    expect({ a, b, scores }).toEqual({ a: 'g000001', b: 'g000002', scores: null });
    expect(rows).toContainEqual({ name: 'groups learnt', a: 100, b: 200, change: 100 });
  });
});
