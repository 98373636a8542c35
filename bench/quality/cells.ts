// Finished cells on disk. A cell is one arm on one fold: scores that took minutes or hours, so each is kept
// under a digest of everything that decides about it, and a run that was killed goes on after the last one.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Raise it when the code makes other cells of the same settings. */
const cellVersion = 1;

/** By judged query: scores in the order of its documents. */
export type JudgedScores = Readonly<Record<string, readonly number[]>>;

export interface Cell {
  readonly arm: string;
  readonly fold: number;
  /** All that decides about it. */
  readonly settings: unknown;
  readonly scores: JudgedScores;
  /** Raw scores of what students learn from, by label key; of teachers only. */
  readonly labels: readonly (readonly [key: string, score: number])[];
  /** What a reader may want to know: losses, steps, seconds, commit. */
  readonly notes: Readonly<Record<string, number | string>>;
}

export class CellStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = join(directory, 'cells');
    mkdirSync(this.#directory, { recursive: true });
  }

  read(name: CellName): Cell | null {
    const path = this.#path(name);
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Cell) : null;
  }

  /** Appears whole or not at all. */
  write(name: CellName, cell: Cell): void {
    const path = this.#path(name);
    writeFileSync(`${path}.part`, `${JSON.stringify(cell)}\n`);
    renameSync(`${path}.part`, path);
  }

  #path({ arm, fold, digest }: CellName): string {
    return join(this.#directory, `${arm}-${fold}-${digest.slice(0, 12)}.json`);
  }
}

export interface CellName {
  readonly arm: string;
  readonly fold: number;
  readonly digest: string;
}

export const digestOf = (settings: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify([cellVersion, settings]))
    .digest('hex');
