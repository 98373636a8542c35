// restill simulate: a click topic of a synthetic shop, with everything known that a real topic hides.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Clock, systemClock } from '../clock.ts';
import { defaults, type SimulationOptions } from '../simulate/options.ts';
import { type WrittenTopic, writeTopic } from '../simulate/writer.fs.ts';
import { clockTime } from './progress.ts';
import type { TextSink } from './progress-printer.ts';
import { print, printJson } from './stored-generations.ts';

interface Flags {
  readonly out: string;
  readonly force?: true;
  readonly json?: true;
  readonly seed: number;
  readonly topic: string;
  readonly impressions: number;
  readonly queries: number;
  readonly products: number;
  readonly users: number;
  readonly partitions: number;
  readonly start: number;
  readonly days: number;
  readonly zipf: number;
  readonly typoShare: number;
  readonly clickModel: SimulationOptions['clickModel'];
  readonly lateShare: number;
  readonly duplicateShare: number;
  readonly malformedRate: number;
  readonly orphanRate: number;
  readonly botPages: number;
  readonly stallShare: number;
}

export function addSimulateCommand(program: Command): void {
  const { faults } = defaults;
  const command = program
    .command('simulate')
    .description('make a click topic of a synthetic shop whose truth is known')
    .requiredOption('--out <dir>', 'where the files go; made where it is missing')
    .option('--force', 'write into a directory that is not empty')
    .option('--json', 'what was written as one JSON object on standard output')
    .option('--seed <n>', 'the same seed and options give the same bytes', count, defaults.seed)
    .option('--impressions <n>', 'result pages shown to people', count, defaults.impressions)
    .option('--queries <n>', 'distinct queries', count, defaults.queries)
    .option('--products <n>', 'documents', count, defaults.products)
    .option('--users <n>', 'people', count, defaults.users)
    .option('--topic <name>', 'name of the topic', defaults.topic)
    .option('--partitions <n>', 'of the topic; a session stays in one', count, defaults.partitions)
    .addOption(startOption())
    .option('--days <n>', 'event time that the topic spans', number, defaults.days)
    .option('--zipf <x>', 'the r-th query is asked in proportion to 1 / r^x', number, defaults.zipf)
    .option('--typo-share <x>', 'of queries, with a typing mistake', number, defaults.typoShare)
    .option('--click-model <name>', 'pbm: position-based; dbn: dynamic Bayesian', model, defaults.clickModel);
  command
    .optionsGroup('Faults of the stream (0 for none):')
    .option('--late-share <x>', 'of clicks, 30 to 900 s late', number, faults.lateShare)
    .option('--duplicate-share <x>', 'of events, delivered twice', number, faults.duplicateShare)
    .option('--malformed-rate <x>', 'undecodable records per page', number, faults.malformedRate)
    .option('--orphan-rate <x>', 'clicks without an impression per page', number, faults.orphanRate)
    .option('--bot-pages <n>', 'pages on which one bot clicks everything', count, faults.botPages)
    .option('--stall-share <x>', 'of the time, in which a partition lags', number, faults.stallShare)
    .addHelpText('after', help)
    .action((flags: Flags, self: Command) => simulate(flags, self));
}

const startOption = (): Option =>
  new Option('--start <date>', 'event time of the first page, UTC')
    .argParser(date)
    .default(defaults.startMs, new Date(defaults.startMs).toISOString().slice(0, 10));

const help = `
Writes clicks.jsonl.gz (the topic, as \`kcat -J\` prints it), queries.jsonl, documents.jsonl, judgments.tsv,
and truth.json: the click model's probabilities and how many records of each kind and fault there are.

Examples:
  restill simulate --out shop
  restill simulate --out big --impressions 1000000 --click-model dbn --stall-share 0`;

async function simulate(flags: Flags, command: Command): Promise<void> {
  const options = optionsOf(flags);
  const progress = openProgress({ of: options.impressions, sink: process.stderr, clock: systemClock });
  const written = await writeTopic({
    directory: flags.out,
    options,
    force: flags.force ?? false,
    onProgress: progress.show,
  }).finally(progress.end);
  if (flags.json) printJson(command, { directory: flags.out, ...written });
  else print(command, summary(flags.out, written));
}

const optionsOf = (flags: Flags): SimulationOptions => ({
  seed: flags.seed,
  topic: flags.topic,
  partitions: flags.partitions,
  startMs: flags.start,
  days: flags.days,
  impressions: flags.impressions,
  users: flags.users,
  products: flags.products,
  queries: flags.queries,
  zipf: flags.zipf,
  typoShare: flags.typoShare,
  clickModel: flags.clickModel,
  faults: {
    lateShare: flags.lateShare,
    duplicateShare: flags.duplicateShare,
    malformedRate: flags.malformedRate,
    orphanRate: flags.orphanRate,
    botPages: flags.botPages,
    stallShare: flags.stallShare,
  },
});

function summary(directory: string, { counts, queries, documents }: WrittenTopic): string {
  const { records, impressions, clicks, late, duplicates, malformed, orphans, bot, overtaken } = counts;
  const n = (value: number): string => value.toLocaleString('en');
  return (
    `${directory}: ${n(records)} records, ${n(queries)} queries, ${n(documents)} documents\n` +
    `  ${n(impressions)} impressions, ${n(clicks)} clicks, ${n(late)} of them late\n` +
    `  ${n(duplicates)} duplicates, ${n(malformed)} malformed, ${n(orphans)} orphans, ${n(bot)} by a bot, ` +
    `${n(overtaken)} overtaken by another partition\n`
  );
}

/** A line drawn again on a terminal; elsewhere a line per tenth. */
function openProgress({ of, sink, clock }: { of: number; sink: TextSink; clock: Clock }): {
  show(done: number): void;
  end(): void;
} {
  const startedMs = clock.elapsed();
  let told = 0;
  return {
    show(done) {
      const seconds = (clock.elapsed() - startedMs) / 1000;
      const rate = done / Math.max(seconds, 0.001);
      const share = done / of;
      const text =
        `${String(Math.floor(100 * share)).padStart(3)} %  ${done.toLocaleString('en')} pages  ` +
        `${Math.round(rate).toLocaleString('en')}/s  ${clockTime((of - done) / rate)} left`;
      if (sink.isTTY) sink.write(`\r\u001b[2K${text}`);
      else if (share >= told + 0.1) {
        told = Math.floor(10 * share) / 10;
        sink.write(`${text}\n`);
      }
    },
    end() {
      if (sink.isTTY) sink.write('\r\u001b[2K');
    },
  };
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('expected a number from 0.');
  return value;
}

function count(text: string): number {
  const value = number(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('expected a whole number.');
  return value;
}

function date(text: string): number {
  const value = Date.parse(text);
  if (!Number.isFinite(value)) throw new InvalidArgumentError('expected a date, for example 2026-01-05.');
  return value;
}

function model(text: string): SimulationOptions['clickModel'] {
  if (text !== 'pbm' && text !== 'dbn') throw new InvalidArgumentError('expected pbm or dbn.');
  return text;
}
