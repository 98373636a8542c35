// restill dead-letters: what could not be used, and sending it again once the cause is mended (promise 9).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config.ts';
import type { DeadLetter } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { letterOf, parseLetter } from '../streams/dead-letter-message.ts';
import { openLetterSender } from '../streams/dead-letters.kafka.ts';
import { isLetter } from '../streams/envelope.ts';
import { openBoundedTopic, openClient } from './broker.ts';
import { readConfigFile } from './config-file.ts';
import { print, printJson } from './stored-generations.ts';
import { formatTable } from './table.ts';

interface Options {
  readonly config?: string;
  readonly data?: string;
  readonly topic?: true;
  readonly reason?: string;
  readonly json?: true;
}

export function addDeadLettersCommand(program: Command): void {
  const group = program
    .command('dead-letters')
    .description('records that could not be used: show them, or send them again');
  const sub = (name: string, description: string): Command =>
    group
      .command(name)
      .description(description)
      .option('--config <file>', 'yaml; for the broker')
      .option('--data <dir>', 'take them from dead-letters.jsonl of this data directory')
      .option('--topic', 'take them from the topic kafka.dead_letters')
      .option('--reason <reason>', 'malformed or too-large; else both')
      .option('--json', 'one JSON object instead of text')
      .exitOverride();
  sub('list', 'where they stood and what was wrong; never what was in them').action(
    (options: Options, command: Command) => list(options, command),
  );
  sub('redrive', 'send them to the topic they came from, as they were; twice does no harm')
    .addHelpText('after', redriveHelp)
    .action((options: Options, command: Command) => redrive(options, command));
}

const redriveHelp = `
What was sent again stays where it is. A record that is still not usable becomes a dead letter once more.

Example:
  restill dead-letters redrive --config restill.yaml --data /var/lib/restill --reason malformed`;

async function list(options: Options, command: Command): Promise<void> {
  const letters = await lettersFor(options, options.topic ? configOf(options) : null);
  const rows = letters.map(({ record: { topic, partition, offset, timestampMs }, reason, detail }) => ({
    ...{ topic, partition, offset, timestampMs, reason, detail },
  }));
  if (options.json) return printJson(command, { letters: rows });
  const shown = rows.map((row) => [
    `${row.topic}/${row.partition}`,
    String(row.offset),
    row.timestampMs < 0 ? '' : new Date(row.timestampMs).toISOString(),
    row.reason,
    row.detail,
  ]);
  print(command, formatTable(columns, shown));
}

const columns = [
  { title: 'partition' },
  { title: 'offset', right: true },
  { title: 'time' },
  { title: 'reason' },
  { title: 'detail' },
];

async function redrive(options: Options, command: Command): Promise<void> {
  const config = configOf(options);
  const letters = await lettersFor(options, config);
  // A line that was no envelope has no topic to go to.
  const placed = letters.filter(({ record }) => record.topic !== '' && record.offset >= 0);
  const kafka = openClient(config, () => {});
  const sender = await openLetterSender(kafka, { topic: null, reader: config.kafka.group });
  try {
    await sender.redrive(placed);
  } finally {
    await sender.close();
  }
  const counts = { sent: placed.length, withoutPlace: letters.length - placed.length };
  if (options.json) return printJson(command, counts);
  print(command, `${counts.sent} sent again, ${counts.withoutPlace} without a place left where they are\n`);
}

function configOf({ config }: Options): Config {
  if (config !== undefined) return readConfigFile(config).config;
  throw new RestillError('USAGE', 'give --config, which says where the broker is');
}

async function lettersFor({ data, topic, reason }: Options, config: Config | null): Promise<DeadLetter[]> {
  if ((data === undefined) === (topic === undefined))
    throw new RestillError('USAGE', 'give --data or --topic, one of the two');
  const letters = data === undefined ? await fromTopic(config!) : fromFile(data);
  return letters.filter((letter) => reason === undefined || letter.reason === reason);
}

function fromFile(data: string): DeadLetter[] {
  const file = join(data, 'dead-letters.jsonl');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new RestillError(
      'INPUT_UNREADABLE',
      `cannot read ${file}: ${(cause as Error).message}; give the data directory of a replay or a run`,
      { cause },
    );
  }
  return text
    .split('\n')
    .slice(0, -1)
    .map((line, index) => parseLetter(line, { file, line: index + 1 }));
}

async function fromTopic(config: Config): Promise<DeadLetter[]> {
  const topic = config.kafka.deadLetters;
  if (topic === null) throw new RestillError('CONFIG_INVALID', 'kafka.dead_letters names no topic; set it');
  const source = await openBoundedTopic({
    config: { ...config, topic },
    options: {},
    status: { offsets: {}, fingerprints: {} },
    note: () => {},
  });
  try {
    const letters: DeadLetter[] = [];
    for (let items = await source.read(0); items !== null; items = await source.read(0))
      for (const item of items) {
        const opened = isLetter(item) ? item : item.open();
        const letter = letterOf(isLetter(opened) ? opened.record : opened);
        if (letter !== null) letters.push(letter);
      }
    return letters;
  } finally {
    await source.close();
  }
}
