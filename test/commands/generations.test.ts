// Invariants:
// - list, show and verify tell what is there, as a table and as JSON, and change nothing
// - `live` and `latest` mean what they say; the newest is never passed over silently
// - verify ends with GENERATION_DAMAGED naming every damaged file
import { appendFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addGenerationsCommand } from '../../src/commands/generations.ts';
import { runCommand } from '../support/command-line.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { threeGenerations } from '../support/snapshots.ts';

const restill = (...argv: string[]) => runCommand(addGenerationsCommand, 'generations', ...argv);

const damage = (data: string, id: string): void =>
  appendFileSync(join(data, 'generations', id, 'state.json'), ' ');

describe('list', () => {
  it('has a line for each, the live one marked', async () => {
    const { out, error } = await restill('list', '--data', await threeGenerations());
    expect(error).toBeNull();
    expect(out.split('\n')).toEqual([
      'generation    made (UTC)           groups  nDCG@10     size  gate',
      'g000001       2026-01-01 00:00:00     100    0.600  1.2 KiB  PROMOTE first',
      'g000002 live  2026-01-01 00:00:00     200    0.700  1.2 KiB  PROMOTE first',
      'g000003       2026-01-01 00:00:00     300    0.800  1.2 KiB  PROMOTE first',
      '',
    ]);
  });

  it('gives the manifests as JSON', async () => {
    const { out } = await restill('list', '--data', await threeGenerations(), '--json');
    expect(JSON.parse(out)).toMatchObject({
      live: 'g000002',
      generations: [{ id: 'g000001' }, { id: 'g000002', cursor: 200 }, { id: 'g000003' }],
      unusable: [],
    });
  });

  it('goes on past one whose manifest is damaged, and says so', async () => {
    const data = await threeGenerations();
    rmSync(join(data, 'generations', 'g000003', 'manifest.json'));
    const { out, error } = await restill('list', '--data', data);
    expect(error).toBeNull();
    expect(out).toMatch(/g000002 live[\s\S]*g000003 cannot be used: .*manifest\.json/);
  });

  it('says that there are none', async () => {
    const data = temporaryDirectory();
    expect((await restill('list', '--data', data)).out).toBe(
      `no generations in ${join(data, 'generations')}\n`,
    );
    expect(readdirSync(data)).toEqual([]);
  });
});

describe('show', () => {
  it.each([
    ['g000001', 'g000001', 'none'],
    ['live', 'g000002 (live)', 'g000001'],
    ['latest', 'g000003', 'g000002'],
  ])('%s', async (name, shown, parent) => {
    const { out, error } = await restill('show', name, '--data', await threeGenerations());
    expect(error).toBeNull();
    expect(out).toMatch(new RegExp(`^generation +${shown.replace(/[()]/g, '\\$&')}$`, 'm'));
    expect(out).toMatch(new RegExp(`^parent +${parent}$`, 'm'));
    expect(out).toMatch(/^ {2}holdout\.ndcg10 +0\.[678]$/m);
    expect(out).toMatch(/^ {2}student\/model\.safetensors +\d+ B$/m);
  });

  it('gives the manifest as JSON', async () => {
    const { out } = await restill('show', 'latest', '--data', await threeGenerations(), '--json');
    expect(JSON.parse(out)).toMatchObject({ version: 2, id: 'g000003', lineage: { topic: 'clicks' } });
  });

  it.each([
    ['g7', 'USAGE', 'g000001, or live, or latest'],
    ['g000007', 'GENERATION_UNKNOWN', 'g000001, g000002, g000003'],
  ])('refuses %s', async (name, code, says) => {
    const { error } = await restill('show', name, '--data', await threeGenerations());
    expect(error).toMatchObject({ code, message: expect.stringContaining(says) });
  });

  it.each(['live', 'latest'])('says that there is no %s one', async (name) => {
    const { error } = await restill('show', name, '--data', temporaryDirectory());
    expect(error).toMatchObject({ code: 'GENERATION_UNKNOWN' });
  });

  it('does not step back from a damaged newest one', async () => {
    const data = await threeGenerations();
    rmSync(join(data, 'generations', 'g000003', 'manifest.json'));
    const { error } = await restill('show', 'latest', '--data', data);
    expect(error).toMatchObject({ code: 'GENERATION_DAMAGED', message: expect.stringContaining('g000003') });
  });
});

describe('verify', () => {
  it('takes the newest, or the one named, or all', async () => {
    const data = await threeGenerations();
    expect(await restill('verify', '--data', data)).toEqual({ out: 'g000003  ok\n', error: null });
    expect(await restill('verify', 'live', '--data', data)).toEqual({ out: 'g000002  ok\n', error: null });
    expect(await restill('verify', '--all', '--data', data)).toEqual({
      out: 'g000001  ok\ng000002  ok\ng000003  ok\n',
      error: null,
    });
  });

  it('names what is damaged, and changes nothing', async () => {
    const data = await threeGenerations();
    damage(data, 'g000001');
    rmSync(join(data, 'generations', 'g000003', 'manifest.json'));
    const before = readdirSync(data, { recursive: true });
    const { out, error } = await restill('verify', '--all', '--data', data);
    expect(out).toBe('g000001  GENERATION_DAMAGED\ng000002  ok\ng000003  GENERATION_DAMAGED\n');
    expect(error).toMatchObject({
      code: 'GENERATION_DAMAGED',
      exitCode: 4,
      message: expect.stringMatching(/^2 of 3 .*\n.*g000001\/state\.json.*\n.*g000003\/manifest\.json/),
    });
    expect(readdirSync(data, { recursive: true })).toEqual(before);
  });

  it('says the same as JSON', async () => {
    const data = await threeGenerations();
    damage(data, 'g000002');
    const { out, error } = await restill('verify', 'g000002', '--data', data, '--json');
    expect(JSON.parse(out)).toMatchObject({
      generations: [{ id: 'g000002', problem: { code: 'GENERATION_DAMAGED' } }],
    });
    expect(error).toMatchObject({ code: 'GENERATION_DAMAGED' });
  });

  it.each([
    [['g000001', '--all'], 'USAGE'],
    [['g000009'], 'GENERATION_UNKNOWN'],
  ])('refuses %j', async (argv, code) => {
    const { error } = await restill('verify', ...argv, '--data', await threeGenerations());
    expect(error).toMatchObject({ code });
  });
});

it('help has an example, and --data is required', async () => {
  expect((await restill('--help')).out).toContain('restill generations verify --all --data shop');
  expect((await restill('list')).error).toMatchObject({ code: 'commander.missingMandatoryOptionValue' });
});
