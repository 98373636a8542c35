// restill check: would this configuration and this input do? Reads everything, writes nothing.
import type { Command } from 'commander';
import { lastValueFrom } from 'rxjs';
import { type Config, configDigest } from '../config.ts';
import type { DeadLetter, IngestCounts } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { noCounts } from '../streams/counts.ts';
import type { IngestParts } from '../streams/ingest.rx.ts';
import { openIngest } from '../streams/ingest.rx.ts';
import type { DeadLetterFile, IngestStatus, Place, Source } from '../streams/ports.ts';
import { openRecordedSource } from '../streams/recorded-source.fs.ts';
import { placeOfKey } from '../streams/watermark.ts';
import { openTokenizer } from '../tensor/tokenizer.ts';
import { openBoundedTopic, openBroker } from './broker.ts';
import { readConfigFile } from './config-file.ts';
import { readJudgedTopic } from './judged-topic.ts';
import { print, printJson } from './stored-generations.ts';
import { formatTable } from './table.ts';
import { configuredJudgments, readText } from './text-files.ts';

interface Options {
  readonly config?: string;
  readonly json?: true;
  readonly broker?: true;
  readonly records: string;
}

export function addCheckCommand(program: Command): void {
  program
    .command('check')
    .description('validate a configuration and, where given, recordings; writes nothing')
    .argument('[file...]', 'recordings, as for replay')
    .option('--config <file>', 'yaml; without it the defaults are checked')
    .option(
      '--broker',
      'connect to kafka.brokers, show the topic, and read the newest of it; commits nothing',
    )
    .option('--records <count>', 'with --broker: how many', '1000')
    .option('--json', 'one JSON object instead of text')
    .addHelpText('after', '\nExample:\n  restill check clicks.jsonl.gz --config config/demo.yaml')
    .action((files: string[], options: Options, command: Command) => check(files, options, command));
}

async function check(files: string[], options: Options, command: Command): Promise<void> {
  const { config } = readConfigFile(options.config);
  const inTopic = options.broker ? await readJudgedTopic(config) : null;
  const judged = (configuredJudgments(config) ?? inTopic?.queries)?.length ?? null;
  const judgmentsUnusable = inTopic?.unusable ?? 0;
  if (config.vocabulary.path !== null) openTokenizer(readText(config.vocabulary.path));
  const topic = options.broker ? await lookAt(config, options) : null;
  const source = files.length > 0 ? await openRecordedSource(files, config.records) : (topic?.source ?? null);
  const found = source && (await dryRun(source, config));
  if (options.json) {
    const partitions = topic ? { partitions: topic.partitions } : {};
    const about = { configDigest: configDigest(config), judgedQueries: judged, judgmentsUnusable };
    return printJson(command, { ...about, ...partitions, ...found });
  }
  print(command, `configuration fits, digest ${configDigest(config).slice(0, 16)}\n`);
  if (judged !== null) print(command, `judgments fit: ${judged} queries\n`);
  if (judgmentsUnusable > 0)
    print(command, `  not usable: ${judgmentsUnusable} records of ${config.topics.judgments}\n`);
  if (topic !== null) print(command, formatTable(columns, topic.partitions.map(cellsOf)));
  if (found === null) return;
  for (const [name, value] of Object.entries(found.counts)) print(command, `  ${name.padEnd(14)} ${value}\n`);
  for (const [reason, count] of Object.entries(found.reasons))
    print(command, `  not usable: ${reason} (${count})\n`);
}

interface Standing extends Place {
  readonly low: number;
  readonly high: number;
  /** Next offset by the group's commit; null: none. */
  readonly committed: number | null;
}

const columns = [
  { title: 'topic' },
  { title: 'partition', right: true },
  { title: 'first', right: true },
  { title: 'end', right: true },
  { title: 'committed', right: true },
  { title: 'lag', right: true },
];

const cellsOf = ({ topic, partition, low, high, committed }: Standing): string[] =>
  [topic, partition, low, high, committed ?? '-', high - (committed ?? low)].map(String);

/** The partitions of the topics, and what is newest as a source; of documents, which pages need, all. */
async function lookAt(
  config: Config,
  { records }: Options,
): Promise<{ readonly partitions: Standing[]; readonly source: Source }> {
  const count = Number(records);
  if (!Number.isSafeInteger(count) || count < 1)
    throw new RestillError('USAGE', `--records ${records}: expected a whole number above 0`);
  const { desk } = await openBroker(config, () => {});
  try {
    const committed = await desk.committed(config.kafka.group);
    const partitions = [...(await desk.ranges())].map(([key, range]) => ({
      ...{ ...placeOfKey(key), ...range, committed: committed.get(key) ?? null },
    }));
    const events = partitions.filter(({ topic }) => topic === config.topic);
    const each = Math.ceil(count / events.length);
    const from = events.map(({ partition, low, high }) => `${partition}:${Math.max(low, high - each)}`);
    const status = { offsets: {}, fingerprints: {} };
    const options = { from: from.join(',') };
    return { partitions, source: await openBoundedTopic({ config, options, status, note: () => {} }) };
  } finally {
    await desk.close();
  }
}

interface Found {
  readonly counts: IngestCounts;
  /** Why records were not usable, and how many; reasons after the first `reasonsMax` are one. */
  readonly reasons: Readonly<Record<string, number>>;
}

/** A file of garbage has as many reasons as lines. */
const reasonsMax = 20;

/** The whole of ingest, with a journal that keeps nothing but the counts. */
async function dryRun(source: Source, config: Config): Promise<Found> {
  const reasons: Record<string, number> = {};
  const count = ({ reason, detail }: DeadLetter): void => {
    const name = `${reason}: ${detail}`;
    const known = name in reasons || Object.keys(reasons).length < reasonsMax;
    const counted = known ? name : 'other reasons';
    reasons[counted] = (reasons[counted] ?? 0) + 1;
  };
  const deadLetters: DeadLetterFile = {
    append: (letters) => {
      letters.forEach(count);
      return Promise.resolve(0);
    },
    close: () => Promise.resolve(),
  };
  try {
    const ingest = openIngest({ config, source, journal: forgetfulJournal(), deadLetters });
    const { counts } = await lastValueFrom(ingest.progress$);
    return { counts, reasons };
  } finally {
    await source.close();
  }
}

function forgetfulJournal(): IngestParts['journal'] {
  let status: IngestStatus = {
    ...{ low: 0, high: 0, ended: false, contentHash: '', offsets: {}, counts: noCounts(), fingerprints: {} },
    ...{ topic: null, unplaced: 0, deadLetterBytes: 0, nextSequence: 0 },
  };
  return {
    status: () => status,
    loadState: () => [],
    capacity: () => Number.POSITIVE_INFINITY,
    room: () => Promise.resolve(),
    append: ({ effects }) => {
      if (effects) status = { ...status, ...effects };
      return Promise.resolve();
    },
  };
}
