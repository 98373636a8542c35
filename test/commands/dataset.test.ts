// restill dataset export: what it writes of a journal with ring and memory, that no holdout query is in it
// (promise 7), that the same journal makes the same bytes, and that a directory appears whole or not at all.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { addDatasetCommand } from '../../src/commands/dataset.ts';
import { pairLines, preferenceLines } from '../../src/commands/dataset-lines.ts';
import { parseConfig } from '../../src/config.ts';
import type { Group } from '../../src/contract.ts';
import { openJournal } from '../../src/streams/journal.lmdb.ts';
import { journalHost } from '../../src/streams/journal-host.fs.ts';
import { openJournalReader } from '../../src/streams/journal-reader.lmdb.ts';
import { runCommand } from '../support/command-line.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { groupOf } from '../support/groups.ts';

const raw = {
  turns: { groups: 1, snapshot_every: 1 },
  vocabulary: { groups: 1 },
  journal: { ring_max: 40, recent_max: 3, memory_max: 6 },
};
const secret = 'query of the holdout';
/** Every fourth group is held out, though it holds pairs: whatever a journal holds, none of it gets out. */
const groups = Array.from({ length: 30 }, (_, i) =>
  groupOf(i, i % 4 === 3 ? { holdout: true, query: `${secret} ${i}` } : { query: `"quoted" query ${i}` }),
);

/** A data directory with groups in ring and memory. */
async function filled(): Promise<{ data: string; configFile: string }> {
  const data = temporaryDirectory();
  const configFile = join(data, 'restill.json');
  writeFileSync(configFile, JSON.stringify(raw));
  const journal = openJournal(join(data, 'journal'), { config: parseConfig(raw), host: journalHost });
  await journal.append({ groups, effects: null });
  await journal.retire(20);
  await journal.close();
  return { data, configFile };
}

type Place = Awaited<ReturnType<typeof filled>>;

const exported = ({ data, configFile }: Place, out: string, ...more: string[]) =>
  runCommand(
    addDatasetCommand,
    ...['dataset', 'export', '--data', data, '--config', configFile, '--out', out, ...more],
  );

/** What the journal holds and may be shown. */
async function keptIn({ data }: Place): Promise<Group[]> {
  const reader = openJournalReader(join(data, 'journal'), { config: parseConfig(raw), host: journalHost });
  const { low, high } = reader.status();
  expect([low, high]).toEqual([17, 30]);
  const all = [...reader.recall(reader.memory()), ...reader.read(low, high)];
  await reader.close();
  const kept = all.filter(({ holdout }) => !holdout);
  expect(all.length - kept.length).toBeGreaterThan(2);
  return kept;
}

const linesOf = (out: string, folder: string): Record<string, unknown>[] =>
  readdirSync(join(out, folder))
    .sort()
    .flatMap((file) =>
      readFileSync(join(out, folder, file), 'utf8')
        .split('\n')
        .slice(0, -1),
    )
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const sumsOf = (out: string): string => readFileSync(join(out, 'SHA256SUMS'), 'utf8');

describe('lines', () => {
  const group: Group = {
    ...groupOf(7),
    query: 'red shoes',
    results: ['A', 'B'].map((title, index) => ({
      ...{ documentId: `d${index}`, title, summary: 's', position: index + 1, propensity: 1 },
      ...{ clicked: index === 1, satisfied: index === 1 },
    })),
    pairs: [1],
    preferences: [{ better: 1, worse: 0, weight: 2.5 }],
  };
  const place = { group: 7, time_ms: group.timeMs };

  test('a pair is what the embedded teacher would be trained on', () => {
    expect(pairLines(group).map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        ...{ prompt: 'query: red shoes\ntitle:', completion: ' B\nsummary: s' },
        ...{ query: 'red shoes', title: 'B', summary: 's', document_id: 'd1', ...place },
      },
    ]);
  });

  test('a preference has its columns in the order that sentence-transformers takes', () => {
    expect(preferenceLines(group)).toEqual([
      `${JSON.stringify({
        ...{ query: 'red shoes', positive: 'B s', negative: 'A s', weight: 2.5 },
        ...{ positive_id: 'd1', negative_id: 'd0', ...place },
      })}\n`,
    ]);
  });

  test('7: a holdout group has none', () => {
    expect([
      ...pairLines({ ...group, holdout: true }),
      ...preferenceLines({ ...group, holdout: true }),
    ]).toEqual([]);
  });
});

describe('the export', () => {
  async function written(): Promise<{ place: Place; out: string; kept: Group[] }> {
    const place = await filled();
    const out = join(temporaryDirectory(), 'clicks');
    expect((await exported(place, out)).error).toBeNull();
    return { place, out, kept: await keptIn(place) };
  }

  test('holds the pairs and preferences of memory and ring, in the order of the journal', async () => {
    const { out, kept } = await written();
    const parsed = (lines: string[]): unknown[] => lines.map((line) => JSON.parse(line) as unknown);
    expect(linesOf(out, 'pairs')).toEqual(parsed(kept.flatMap(pairLines)));
    expect(linesOf(out, 'preferences')).toEqual(parsed(kept.flatMap(preferenceLines)));
    const sequences = linesOf(out, 'pairs').map(({ group }) => group as number);
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    expect(sequences.some((sequence) => sequence < 17)).toBe(true);
    const readme = readFileSync(join(out, 'README.md'), 'utf8');
    expect(readme).toContain(`| groups | ${kept.length} |`);
    expect(readme).toContain(`| pairs | ${linesOf(out, 'pairs').length} |`);
  });

  test('7: has nothing of a holdout query in any file', async () => {
    const { out } = await written();
    const files = readdirSync(out, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(files.length).toBeGreaterThan(4);
    for (const { parentPath, name } of files)
      expect(readFileSync(join(parentPath, name), 'utf8')).not.toContain(secret);
  });

  test('is the same each time', async () => {
    const { place, out, kept } = await written();
    const again = join(temporaryDirectory(), 'again');
    const { out: text } = await exported(place, again, '--json');
    expect(sumsOf(again)).toBe(sumsOf(out));
    expect(JSON.parse(text)).toMatchObject({ groups: kept.length, pairs: linesOf(out, 'pairs').length });
  });

  test('replaces nothing unless told to, and only its own', async () => {
    const { place, out } = await written();
    expect((await exported(place, out)).error).toMatchObject({ code: 'USAGE' });
    expect((await exported(place, out, '--force')).error).toBeNull();
    expect((await exported(place, place.data, '--force')).error).toMatchObject({ code: 'USAGE' });
    expect(existsSync(place.configFile)).toBe(true);
  });
});

describe('is refused', () => {
  test('without a journal', async () => {
    const data = temporaryDirectory();
    const out = join(data, 'out');
    const { error } = await runCommand(addDatasetCommand, 'dataset', 'export', '--data', data, '--out', out);
    expect(error).toMatchObject({ code: 'STORE_READ_FAILED' });
    expect(existsSync(out)).toBe(false);
  });

  test('with the configuration of another journal', async () => {
    const { data } = await filled();
    const out = join(temporaryDirectory(), 'out');
    const { error } = await runCommand(addDatasetCommand, 'dataset', 'export', '--data', data, '--out', out);
    expect(error).toMatchObject({ code: 'JOURNAL_FOREIGN' });
  });
});
