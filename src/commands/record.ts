// restill record: topics of a broker, or a part of them, into a file that restill replay reads.
import { createWriteStream, existsSync, renameSync, rmSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Command } from 'commander';
import { RestillError } from '../errors.ts';
import { formatEnvelope, isLetter } from '../streams/envelope.ts';
import type { Source } from '../streams/ports.ts';
import { openBoundedTopic } from './broker.ts';
import { readConfigFile } from './config-file.ts';
import { print, printJson } from './stored-generations.ts';

interface Options {
  readonly config: string;
  readonly out: string;
  readonly from?: string;
  readonly until?: string;
  readonly json?: true;
}

export function addRecordCommand(program: Command): void {
  program
    .command('record')
    .description('write a topic, and the one of documents, into a recording; commits nothing')
    .requiredOption('--config <file>', 'yaml; `topic`, `topics` and `kafka` say what is read')
    .requiredOption('--out <file>', 'gzip when its name ends in .gz; must not be there yet')
    .option(
      '--from <place>',
      'a time of events (2026-11-01T00:00:00Z) or offsets (0:1200,1:900,docs/0:70); else the beginning',
    )
    .option('--until <place>', 'the same, exclusive; else what is there now')
    .option('--json', 'one JSON object instead of text')
    .addHelpText('after', '\nExample:\n  restill record --config restill.yaml --out clicks.jsonl.gz')
    .action((options: Options, command: Command) => record(options, command));
}

async function record(options: Options, command: Command): Promise<void> {
  const { out } = options;
  if (existsSync(out))
    throw new RestillError('USAGE', `${out} is there already; remove it, or give another name`);
  const { config } = readConfigFile(options.config);
  const status = { offsets: {}, fingerprints: {} };
  const source = await openBoundedTopic({ config, options, status, note: () => {} });
  const part = `${out}.part`;
  try {
    const records = await write(source, part, out.endsWith('.gz'));
    renameSync(part, out);
    if (options.json) printJson(command, { records, file: out });
    else print(command, `${records} records in ${out}\n`);
  } catch (error) {
    rmSync(part, { force: true });
    throw error instanceof RestillError ? error : cannotWrite(out, error);
  } finally {
    await source.close();
  }
}

/** @returns how many records. */
async function write(source: Source, path: string, zipped: boolean): Promise<number> {
  const file = createWriteStream(path, { flush: true });
  const sink: Writable = zipped ? createGzip() : file;
  if (sink !== file) sink.pipe(file);
  const done = finished(file);
  done.catch(() => {}); // Awaited below; a full disk may end it before.
  let records = 0;
  for (;;) {
    const items = await source.read(0);
    if (items === null) break;
    records += items.length;
    const text = items.map((item) => {
      const opened = isLetter(item) ? item : item.open();
      // One that is too large for ingest is recorded all the same: it is what the topic holds.
      return `${formatEnvelope(isLetter(opened) ? opened.record : opened)}\n`;
    });
    if (file.errored) throw file.errored;
    if (!sink.write(text.join('')))
      await Promise.race([new Promise((ready) => sink.once('drain', ready)), done]);
  }
  sink.end();
  await done;
  return records;
}

const cannotWrite = (path: string, cause: unknown): RestillError =>
  new RestillError(
    'STORE_WRITE_FAILED',
    `cannot write ${path}: ${(cause as Error).message}; free disk space`,
    {
      cause,
    },
  );
