// restill dataset export: what the journal teaches, for training a teacher elsewhere.
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Files } from '../checkpoint/files.fs.ts';
import { addFile, type Exported, inNewDirectory } from '../checkpoint/new-directory.fs.ts';
import type { Group, ManifestFile } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { journalHost } from '../streams/journal-host.fs.ts';
import { openJournalReader } from '../streams/journal-reader.lmdb.ts';
import type { VerifiedReader } from '../streams/ports.ts';
import { readConfigFile } from './config-file.ts';
import { type DatasetFacts, datasetReadme, pairLines, preferenceLines } from './dataset-lines.ts';
import { print, printJson } from './stored-generations.ts';

interface Options {
  readonly data: string;
  readonly out: string;
  readonly config?: string;
  readonly force?: true;
  readonly json?: true;
}

export function addDatasetCommand(program: Command): void {
  program
    .command('dataset')
    .description('what the journal teaches, as files')
    .command('export')
    .description('write click pairs and preferences as JSON lines, without holdout queries')
    .requiredOption('--data <dir>', 'the data directory of the run; it may be running')
    .requiredOption('--out <dir>', 'a new directory; it appears when it is complete')
    .option('--config <file>', 'the configuration of the run')
    .option('--force', 'replace an earlier export at --out')
    .option('--json', 'print what was written as a JSON object')
    .addHelpText('after', '\nExample:\n  restill dataset export --data shop --config shop.yaml --out clicks')
    .action((options: Options, command: Command) => exportDataset(options, command));
}

async function exportDataset(options: Options, command: Command): Promise<void> {
  const { config } = readConfigFile(options.config);
  const reader = openJournalReader(join(options.data, 'journal'), { config, host: journalHost });
  let written: { exported: Exported; facts: DatasetFacts };
  try {
    written = await writeDataset(reader, options.out, options.force ?? false);
  } finally {
    await reader.close();
  }
  const { exported, facts } = written;
  if (options.json) return printJson(command, { ...facts, ...exported });
  print(
    command,
    `${facts.pairs} pairs and ${facts.preferences} preferences of ${facts.groups} groups written to ` +
      `${exported.directory}; ${facts.heldOut} groups were held out\n`,
  );
}

/** Groups in a file: some tens of megabytes at most. */
const shardGroups = 5_000;

/** @throws RestillError USAGE, STORE_WRITE_FAILED, STORE_READ_FAILED, JOURNAL_DAMAGED */
async function writeDataset(
  reader: VerifiedReader,
  out: string,
  force: boolean,
): Promise<{ exported: Exported; facts: DatasetFacts }> {
  const { offsets, contentHash } = reader.status();
  const topic = topicOf(Object.keys(offsets));
  const facts = { topic, contentHash, groups: 0, heldOut: 0, pairs: 0, preferences: 0 };
  const exported = await inNewDirectory(out, { force }, async (files, staging) => {
    const written: ManifestFile[] = [];
    let shard = 0;
    for (const groups of shards(reader)) {
      const kept = groups.filter((group) => !group.holdout);
      const pairs = kept.flatMap(pairLines);
      const preferences = kept.flatMap(preferenceLines);
      facts.groups += kept.length;
      facts.heldOut += groups.length - kept.length;
      facts.pairs += pairs.length;
      facts.preferences += preferences.length;
      const name = `${String(shard++).padStart(5, '0')}.jsonl`;
      written.push(await addLines(files, staging, `pairs/${name}`, pairs));
      written.push(await addLines(files, staging, `preferences/${name}`, preferences));
    }
    const bytes = Buffer.from(datasetReadme(facts));
    return [...written, await addFile(files, staging, { path: 'README.md', bytes })];
  });
  return { exported, facts };
}

/** Partitions are named `topic/partition`; a journal is of one topic. */
const topicOf = ([partition]: string[]): string | null => partition?.replace(/\/\d+$/, '') ?? null;

const addLines = (files: Files, staging: string, path: string, lines: string[]): Promise<ManifestFile> =>
  addFile(files, staging, { path, bytes: Buffer.from(lines.join('')) });

/**
 * All groups there are now, in the order of the journal: the memory, which is older, then the ring.
 *
 * @throws RestillError STORE_READ_FAILED when a run moves groups from one into the other meanwhile.
 */
function* shards(reader: VerifiedReader): Generator<Group[]> {
  const { low, high } = reader.status();
  const whole = <T>(read: () => T): T => {
    try {
      const found = read();
      if (reader.status().low === low) return found;
    } catch (error) {
      if (reader.status().low === low) throw error;
    }
    throw new RestillError(
      'STORE_READ_FAILED',
      'a run has moved groups within the journal while they were read; repeat the command',
    );
  };
  const members = whole(() => reader.memory());
  for (let at = 0; at < members.length; at += shardGroups)
    yield whole(() => reader.recall(members.slice(at, at + shardGroups)));
  for (let at = low; at < high; at += shardGroups)
    yield whole(() => reader.read(at, Math.min(high, at + shardGroups)));
}
