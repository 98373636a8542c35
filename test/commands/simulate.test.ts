// Invariants:
// - what was written is told as text and as JSON, and follows the options
// - a value of the wrong form is refused with what was expected; help names files and an example
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { addSimulateCommand } from '../../src/commands/simulate.ts';
import { runCommand } from '../support/command-line.ts';
import { temporaryDirectory } from '../support/directory.ts';

const restill = (...argv: string[]) => runCommand(addSimulateCommand, 'simulate', ...argv);
const small = ['--impressions', '60', '--products', '200', '--queries', '10', '--bot-pages', '3'];

it('tells what it has written, as text and as JSON', async () => {
  const directory = temporaryDirectory();
  const { out, error } = await restill('--out', directory, ...small);
  expect(error).toBeNull();
  expect(out).toContain(`${directory}: `);
  expect(out).toContain('60 impressions');
  expect(out).toContain('33 by a bot');
  const again = await restill('--out', directory, ...small, '--force', '--json');
  expect(JSON.parse(again.out)).toMatchObject({
    directory,
    queries: 10,
    documents: 200,
    counts: { impressions: 60, bot: 33 },
  });
});

it('takes every option to the simulation', async () => {
  const directory = temporaryDirectory();
  const given = {
    '--seed': 9,
    '--topic': 'pages',
    '--partitions': 2,
    '--start': '2026-03-01',
    '--days': 0.5,
    '--impressions': 30,
    '--users': 7,
    '--products': 150,
    '--queries': 8,
    '--zipf': 1.1,
    '--typo-share': 0.25,
    '--click-model': 'dbn',
    '--late-share': 0.11,
    '--duplicate-share': 0.12,
    '--malformed-rate': 0.13,
    '--orphan-rate': 0.14,
    '--bot-pages': 2,
    '--stall-share': 0.16,
  };
  const { error } = await restill('--out', directory, ...Object.entries(given).flat().map(String));
  expect(error).toBeNull();
  expect(JSON.parse(readFileSync(join(directory, 'truth.json'), 'utf8'))).toMatchObject({
    options: {
      seed: 9,
      topic: 'pages',
      partitions: 2,
      startMs: Date.UTC(2026, 2, 1),
      days: 0.5,
      impressions: 30,
      users: 7,
      products: 150,
      queries: 8,
      zipf: 1.1,
      typoShare: 0.25,
      clickModel: 'dbn',
      faults: {
        lateShare: 0.11,
        duplicateShare: 0.12,
        malformedRate: 0.13,
        orphanRate: 0.14,
        botPages: 2,
        stallShare: 0.16,
      },
    },
    clickModel: { kind: 'dbn' },
  });
});

it.each([
  ['--seed', '1.5', /expected a whole number/],
  ['--zipf', 'much', /expected a number from 0/],
  ['--late-share', '-1', /expected a number from 0/],
  ['--late-share', '2', /--late-share is 2, expected 0 to 1/],
  ['--start', 'soon', /expected a date, for example/],
  ['--click-model', 'cascade', /expected pbm or dbn/],
])('refuses %s %s', async (flag, value, message) => {
  const { error } = await restill('--out', join(temporaryDirectory(), 'shop'), flag, value);
  expect((error as Error).message).toMatch(message);
});

it('has help with an example, and wants --out', async () => {
  expect((await restill('--help')).out).toMatch(/Examples:\n {2}restill simulate --out shop\n/);
  expect(((await restill()).error as Error).message).toMatch(/--out/);
});
