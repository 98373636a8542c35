// Writes a simulated shop to a directory. The truth comes last and the topic appears whole, so a directory
// with truth.json is complete. The same options give the same bytes: Node
// leaves the time in the gzip header 0.
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { assert, RestillError } from '../errors.ts';
import { documentsText, fileNames, judgmentsText, queriesText, truthText } from './files.ts';
import { checkOptions, type SimulationOptions } from './options.ts';
import { openShop, recordTopic, type Shop, type TopicTruth } from './topic.ts';

export interface WriteRequest {
  readonly directory: string;
  readonly options: SimulationOptions;
  /** Write into a directory that is not empty; only files of the same names are replaced. */
  readonly force: boolean;
  /** Called now and then with the impressions simulated so far. */
  readonly onProgress: (impressions: number) => void;
}

export interface WrittenTopic extends TopicTruth {
  readonly queries: number;
  readonly documents: number;
}

/** Text is handed to gzip in pieces of about this many characters. */
const pieceLength = 1 << 18;

/** @throws RestillError USAGE, STORE_WRITE_FAILED. */
export async function writeTopic(request: WriteRequest): Promise<WrittenTopic> {
  checkOptions(request.options);
  try {
    return await write(request);
  } catch (cause) {
    if (cause instanceof RestillError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RestillError(
      'STORE_WRITE_FAILED',
      `cannot write the shop to ${request.directory}: ${why}; free the space or choose another --out`,
      { cause },
    );
  }
}

async function write({ directory, options, force, onProgress }: WriteRequest): Promise<WrittenTopic> {
  await mkdir(directory, { recursive: true });
  if (!force) await refuseUnlessEmpty(directory);
  const at = (name: string): string => join(directory, name);
  await rm(at(fileNames.truth), { force: true });
  const shop = openShop(options);
  await writeFile(at(fileNames.queries), queriesText(shop));
  await writeFile(at(fileNames.documents), documentsText(shop));
  await writeFile(at(fileNames.judgments), judgmentsText(shop));
  const truth = await writeClicks(at(fileNames.clicks), { options, shop, onProgress });
  await writeFile(at(fileNames.truth), truthText(options, shop, truth));
  return { ...truth, queries: shop.queries.length, documents: shop.products.length };
}

interface ClickSource {
  readonly options: SimulationOptions;
  readonly shop: Shop;
  readonly onProgress: (impressions: number) => void;
}

async function writeClicks(file: string, source: ClickSource): Promise<TopicTruth> {
  const end: { truth: TopicTruth | null } = { truth: null };
  const pieces = piecesOf(source, end);
  await pipeline(Readable.from(pieces), createGzip(), createWriteStream(`${file}.part`));
  await rename(`${file}.part`, file);
  assert(end.truth !== null, 'the topic was cut short');
  return end.truth;
}

function* piecesOf(
  { options, shop, onProgress }: ClickSource,
  end: { truth: TopicTruth | null },
): Generator<string> {
  const topic = recordTopic(options, shop);
  let piece = '';
  let step = topic.next();
  for (; !step.done; step = topic.next()) {
    for (const line of step.value.lines) piece += `${line}\n`;
    if (piece.length < pieceLength) continue;
    yield piece;
    onProgress(step.value.impressions);
    piece = '';
  }
  if (piece !== '') yield piece;
  end.truth = step.value;
}

async function refuseUnlessEmpty(directory: string): Promise<void> {
  const found = await readdir(directory);
  if (found.length === 0) return;
  throw new RestillError(
    'USAGE',
    `${directory} is not empty, it has ${found.slice(0, 3).join(', ')}; choose another --out or add --force`,
  );
}
