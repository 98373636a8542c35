// A console over real HTTP on a real store, with a board that a test sets, and a headless Chromium to look
// at it.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type FastifyInstance, fastify } from 'fastify';
import { type Browser, chromium } from 'playwright-core';
import { Board } from '../../src/board.ts';
import { consoleRoutes } from '../../src/console/console.http.ts';
import { readPage } from '../../src/console/page.fs.ts';
import type { ConsoleParts, Operator, Scorer, Shelf } from '../../src/console/ports.ts';
import type { GenerationId, Manifest } from '../../src/contract.ts';
import { RestillError } from '../../src/errors.ts';

export const operatorToken = 'open sesame';

export interface ConsoleUnderTest {
  readonly address: string;
  readonly board: Board;
  /** What the operator did, in order. */
  readonly deeds: readonly string[];
  /** As the next look at the disk finds it. */
  readonly shelf: { -readonly [K in keyof Shelf]: Shelf[K] };
  close(): Promise<void>;
}

export async function openTestConsole({
  on,
  ...given
}: Partial<ConsoleParts> & { on?: Shelf } = {}): Promise<ConsoleUnderTest> {
  const board = given.board ?? new Board();
  const shelf: ConsoleUnderTest['shelf'] = {
    ...{ live: null, before: null, manifests: [], curve: [] },
    ...on,
  };
  const deeds: string[] = [];
  const operator: Operator = { token: operatorToken, desk: deskOf(shelf, deeds) };
  const server: FastifyInstance = fastify({ forceCloseConnections: true });
  let elapsed = 0;
  const parts: ConsoleParts = {
    server: 'run',
    version: '0.0.0',
    page: await readPage(),
    board,
    refresh: async () => {},
    readiness: () => ({ ready: true, state: 'TRAINING', obstacles: [] }),
    serving: null,
    readerToken: null,
    operator,
    scorer: null,
    elapsed: () => (elapsed += 1000), // Every look is a new one.
    shelf: async () => ({ ...shelf }),
    ...given,
  };
  await server.register(consoleRoutes(parts));
  const address = await server.listen({ port: 0, host: '127.0.0.1' });
  return { address, board, deeds, shelf, close: () => server.close() };
}

/** The desk's second implementation: it keeps in memory what the real one keeps on disk. */
function deskOf(shelf: { live: GenerationId | null; before: GenerationId | null }, deeds: string[]) {
  const move = (id: GenerationId): void => {
    [shelf.live, shelf.before] = [id, shelf.live];
  };
  return {
    async promote(id: GenerationId, { who, why }: { who: string; why: string }) {
      deeds.push(`promote ${id} by ${who}: ${why}`);
      move(id);
    },
    async rollback({ who, why }: { who: string; why: string }) {
      if (shelf.before === null) throw new RestillError('GENERATION_UNKNOWN', 'nothing was live before');
      deeds.push(`rollback to ${shelf.before} by ${who}: ${why}`);
      move(shelf.before);
    },
  };
}

/** A generation as a store would list it. */
export function manifestOf(number: number, given: Partial<Manifest> = {}): Manifest {
  const id = `g${String(number).padStart(6, '0')}` as GenerationId;
  const sha256 = (letter: string): string => letter.repeat(64);
  return {
    version: 2,
    id,
    parent: number === 1 ? null : (`g${String(number - 1).padStart(6, '0')}` as GenerationId),
    createdAt: new Date(1_767_225_600_000 + number * 3_600_000).toISOString(),
    cursor: number * 1000,
    scheduled: true,
    configDigest: sha256('c'),
    starts: { student: null, teacher: null },
    lineage: {
      topic: 'clicks',
      offsets: { 'clicks/0': number * 1200 },
      cursor: number * 1000,
      eventTimeMs: { from: 1_767_000_000_000, to: 1_767_225_600_000 },
      teacherVersion: number,
      replayShare: 0.25,
    },
    metrics: {
      'judgments.queries': 97,
      'judgments.student.ndcg10': 0.6 + number / 100,
      'judgments.student.pnr': 3,
      'judgments.bm25.ndcg10': 0.5,
    },
    weightsSha256: { student: sha256(String(number)), teacher: sha256('e') },
    gate: {
      decision: 'PROMOTE',
      reason: 'better',
      figures: {
        'judgments.queries': 97,
        'judgments.ndcg10': 0.02,
        'judgments.ndcg10Low': 0.01,
        'judgments.ndcg10High': 0.03,
        dropMax: 0.02,
      },
    },
    files: [{ path: 'student/model.safetensors', bytes: 1_000_000, sha256: sha256('f') }],
    ...given,
  };
}

/** Scores a document by how many of the query's letters it has: enough to be told apart. */
export const lengthScorer: Scorer = {
  async score(query, documents, { which }) {
    const sign = which === 'live' ? 1 : -1;
    const generation = (which === 'live' ? 'g000002' : 'g000003') as GenerationId;
    return { generation, scores: documents.map((text) => sign * (text.length - query.length)) };
  },
};

/** Where it is; null, with one line, where there is none, and an error in CI, where there must be one. */
export function chromiumPath(): string | null {
  const path = process.env.RESTILL_CHROMIUM ?? inPath('chromium');
  if (path !== null && existsSync(path)) return path;
  const says = 'no chromium: install it, or name it in RESTILL_CHROMIUM';
  if (process.env.CI === 'true') throw new Error(says);
  process.stderr.write(`the console is not tested in a browser: ${says}\n`);
  return null;
}

/** Who runs tests as root (in a container) has no other sandbox; the pages are our own. */
export const openChromium = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });

function inPath(name: string): string | null {
  try {
    return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
  } catch {
    return null; // `command -v` fails where there is none
  }
}
