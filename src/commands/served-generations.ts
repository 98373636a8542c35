// The generations of a data directory as a ranker: it follows the live pointer, and loads students into
// processes of their own.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { currentName, generationsIn } from '../checkpoint/generation.ts';
import { generationGolden } from '../checkpoint/generation-golden.ts';
import { decodeGolden } from '../checkpoint/golden.ts';
import { decodePointer } from '../checkpoint/pointer.ts';
import { readServable, type Servable } from '../checkpoint/servable.fs.ts';
import { breathe, systemClock, type Timer } from '../clock.ts';
import type { Config } from '../config.ts';
import { RestillError } from '../errors.ts';
import { follow } from '../serving/follow.fs.ts';
import type { LoadStudent, Ranker, RankerSettings, ServingNews, Wanted } from '../serving/ports.ts';
import { openRanker } from '../serving/ranker.ts';
import { bertFromHuggingFace } from '../tensor/model-config.ts';
import { openTokenizer, type Tokenizer } from '../tensor/tokenizer.ts';
import { startScorer } from './scorer-child.ts';

export interface ServedGenerations {
  /** `generations/` of a data directory. It may be missing yet. */
  readonly directory: string;
  readonly settings: RankerSettings;
  readonly onNews: (news: ServingNews) => void;
  /** For a test that decides when a deadline is over. */
  readonly timer?: Timer;
}

/** Looks for the live generation at once; `live()` says when there is one. The caller closes it. */
export function serveGenerations({
  directory,
  settings,
  onNews,
  timer = systemClock,
}: ServedGenerations): Ranker {
  const load = studentsOf(directory, settings.threads);
  const ranker = openRanker({ settings, load, timer, breathe, onNews });
  const look = (): Promise<void> =>
    lookAt(directory).then(
      (wanted) => ranker.want(wanted),
      (error: unknown) => ranker.unreadable(error),
    );
  const follower = follow({ directory, pollMs: settings.pollMs, timer, look });
  return {
    rank: (pairs, options) => ranker.rank(pairs, options),
    live: () => ranker.live(),
    lastRefusal: () => ranker.lastRefusal(),
    figures: () => ranker.figures(),
    async close() {
      await follower.close();
      await ranker.close();
    },
  };
}

/** @throws GENERATION_DAMAGED for a live pointer that does not match its own checksum. */
async function lookAt(directory: string): Promise<Wanted> {
  const path = join(directory, currentName);
  // The pointer first: whatever it names is in the list that is read after it.
  const pointer = await readFile(path).catch(unlessMissing);
  const live = pointer && decodePointer(pointer, path).id;
  const generations = generationsIn((await readdir(directory).catch(unlessMissing)) ?? []);
  const candidate = generations.filter((id) => id !== live).at(-1) ?? null;
  return { pointer: pointer?.toString() ?? '', live, candidate };
}

function unlessMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw new RestillError('STORE_READ_FAILED', `${error.message}; who runs this may not read it`, {
    cause: error,
  });
}

const texts = ['config.json', generationGolden, 'student/config.json'];
const weightsPath = 'student/model.safetensors';
const tokenizerPath = 'student/tokenizer.json';
const tokenizerConfigPath = 'student/tokenizer_config.json';
const smallFiles = new Set([...texts, tokenizerPath, tokenizerConfigPath]);

function studentsOf(directory: string, threads: number): LoadStudent {
  const tokenizerOf = rememberTokenizer();
  return async (id, signal) => {
    const { manifest, files } = await readServable(directory, id, (path) => smallFiles.has(path));
    const [config, golden, bert] = texts.map((path) => files.get(path) && textOf(files.get(path)!));
    const { tokensMax, segments } = (JSON.parse(config ?? 'null') as Config | null)?.student ?? {};
    if (bert === undefined || tokensMax === undefined || segments === undefined)
      throw incomplete(id, bert === undefined ? 'student/config.json' : 'config.json');
    const tokenizer = tokenizerOf(id, files);
    const weights = manifest.files.find(({ path }) => path === weightsPath);
    if (!weights) throw incomplete(id, weightsPath);
    const parsed = bertFromHuggingFace(JSON.parse(bert));
    const folder = join(directory, id);
    const start = { generation: id, folder, weights, bert: parsed, segments, threads };
    const { engine, died } = await startScorer(start, signal);
    return {
      engine,
      died,
      model: {
        generation: id,
        tokensMax,
        positions: parsed.positions,
        weightsSha256: manifest.weightsSha256.student,
        bytes: weights.bytes,
      },
      encode: ({ query, document }, longest) =>
        tokenizer.encodePair(query, { title: document, summary: '' }, longest, segments),
      golden: golden === undefined ? null : decodeGolden(golden),
    };
  };
}

/** Generations of one stream have one tokenizer, and it takes a tenth of a second to open. */
function rememberTokenizer(): (id: string, files: Servable['files']) => Tokenizer {
  let newest: { readonly key: string; readonly tokenizer: Tokenizer } | null = null;
  return (id, files) => {
    const [json, config] = [files.get(tokenizerPath), files.get(tokenizerConfigPath)];
    if (!json) throw incomplete(id, tokenizerPath);
    const hash = createHash('sha256').update(json).update('\0');
    const key = (config ? hash.update(config) : hash).digest('hex');
    if (newest?.key !== key)
      newest = { key, tokenizer: openTokenizer(textOf(json), config ? textOf(config) : '{}') };
    return newest.tokenizer;
  };
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

const incomplete = (id: string, path: string): RestillError =>
  new RestillError(
    'GENERATION_DAMAGED',
    `generation ${id} has no usable ${path}, without which it cannot be served; serve a newer generation`,
  );
