// Where the live pointer is moved and generations are pinned, by the gate and by operators, in several
// processes at once. Every move is in the audit before it happens.
//
// Invariants:
// 1. A move that was decided by what no longer holds does not happen: the gate gives way, an operator's
//    command decides again.
// 2. Whatever the order in which processes reach the pointer, it ends where the last move of the audit wants
//    it.
// 3. What is damaged is never put in service.
// 4. After a crash the pointer is as before or as after, and what the audit says of a move that did not
//    happen is told apart: the next move comes from elsewhere.
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import type { GenerationId, GenerationStore } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { appendAudit, readAudit, requireIntact } from './audit.fs.ts';
import { type Audit, type AuditEntry, intendedMoves, movesIn, previouslyLive } from './audit.ts';
import { ownTemporaryName, readFile, replaceFile } from './file-tree.fs.ts';
import { diskFiles, type Files, named } from './files.fs.ts';
import { pinnedName } from './generation.ts';
import { parsePinned, withoutPin, withPin } from './pinned.ts';

export interface DeskOptions {
  /** Of the generations. */
  readonly directory: string;
  /** Opened for `operate` or `write`. */
  readonly store: GenerationStore;
  /** For the dates that people read. */
  readonly clock: Clock;
  /** The disk, unless a test gives another. */
  readonly files?: Files;
}

/** Who wants something, and why. */
export interface Motive {
  /** `gate`, or the name of an operator. */
  readonly by: string;
  readonly reason: string;
}

/** What the gate needs to know of what is live. */
export interface LiveStanding {
  readonly live: GenerationId | null;
  readonly pinned: boolean;
  readonly movedAt: number | null;
}

export class Desk {
  readonly #options: DeskOptions;
  readonly #files: Files;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#files = named(options.files ?? diskFiles);
  }

  audit(): Promise<Audit> {
    return readAudit(this.#files, this.#options.directory);
  }

  async standing(): Promise<LiveStanding> {
    const live = await this.#options.store.live();
    const { entries } = await this.audit();
    const last = movesIn(entries, live).at(-1);
    const pinned = live !== null && (await this.#pinned()).has(live);
    return { live, pinned, movedAt: last?.generation === live ? (last?.cursor ?? null) : null };
  }

  /** Where a rollback would go; null: nowhere that the audit knows of. */
  async before(): Promise<GenerationId | null> {
    return previouslyLive((await this.audit()).entries, await this.#options.store.live());
  }

  /** Writes down what is live where the audit does not know how it became so: at a start. */
  async acknowledge(): Promise<void> {
    const live = await this.#options.store.live();
    const audit = await this.audit();
    if (live === null || movesIn(audit.entries, live).at(-1)?.generation === live) return;
    const motive = { by: 'restill', reason: 'live at a start, and nobody had written why' };
    const from = lastMove(audit)?.generation ?? null;
    await this.#append(audit, { ...motive, action: 'found', generation: live, from });
  }

  /**
   * The gate's promotion.
   *
   * @param against how things stood when it was judged.
   * @returns false where something else is live by now, or what is has been pinned since: an operator's
   *   decision is newer than the verdict.
   */
  async promoteJudged(
    id: GenerationId,
    against: Pick<LiveStanding, 'live' | 'pinned'>,
    reason: string,
  ): Promise<boolean> {
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const audit = await this.audit();
      const from = await this.#options.store.live();
      if (from !== against.live) return false;
      if (!against.pinned && from !== null && (await this.#pinned()).has(from)) return false;
      const entry = { by: 'gate', reason, action: 'promote', generation: id, from } as const;
      if (!(await this.#append(audit, entry))) continue;
      return (await this.#moveTo(id)) === id;
    }
    return false;
  }

  /**
   * What is live already stays so, and nothing is written.
   *
   * @throws GENERATION_UNKNOWN, GENERATION_DAMAGED, GENERATION_FOREIGN: then nothing has changed.
   */
  async promote(id: GenerationId, motive: Motive): Promise<GenerationId> {
    if ((await this.#options.store.live()) === id) return id;
    return this.#byHand('promote', motive, () => id);
  }

  /**
   * Back to what served before.
   *
   * @returns the one that is live now.
   * @throws GENERATION_UNKNOWN where nothing served before; AUDIT_DAMAGED; errors of `promote`.
   */
  async rollback(motive: Motive): Promise<GenerationId> {
    return this.#byHand('rollback', motive, (audit, live) => {
      requireIntact(audit, this.#options.directory);
      const before = previouslyLive(audit.entries, live);
      if (before !== null) return before;
      throw new RestillError(
        'GENERATION_UNKNOWN',
        `the audit knows of nothing that was live before ${live ?? 'now'}; ` +
          'name the generation: `restill generations promote g000001`',
      );
    });
  }

  /** Retention keeps it, and while it is live the gate leaves it there. False: it was pinned already. */
  async pin(id: GenerationId, motive: Motive): Promise<boolean> {
    await this.#options.store.open(id);
    return this.#changePins('pin', id, motive, withPin);
  }

  /** False: it was not pinned. */
  unpin(id: GenerationId, motive: Motive): Promise<boolean> {
    return this.#changePins('unpin', id, motive, withoutPin);
  }

  async #byHand(
    action: 'promote' | 'rollback',
    motive: Motive,
    choose: (audit: Audit, live: GenerationId | null) => GenerationId,
  ): Promise<GenerationId> {
    const { store } = this.#options;
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      await this.acknowledge();
      const audit = await this.audit();
      const live = await store.live();
      const id = choose(audit, live);
      if (!(await this.#canServe(id, audit))) continue;
      if (!(await this.#append(audit, { ...motive, action, generation: id, from: live }))) continue;
      return this.#moveTo(id);
    }
    throw tooBusy();
  }

  /**
   * False where others have moved on while it was read: it may have been retired under our hands.
   *
   * @throws GENERATION_UNKNOWN, GENERATION_DAMAGED, GENERATION_FOREIGN.
   */
  async #canServe(id: GenerationId, seen: Audit): Promise<boolean> {
    try {
      await this.#options.store.open(id);
      return true;
    } catch (error) {
      if ((await this.audit()).bytes.byteLength === seen.bytes.byteLength) throw error;
      return false;
    }
  }

  /** Whoever came between line and move has the last word. Returns what is live then. */
  async #moveTo(id: GenerationId): Promise<GenerationId> {
    for (let wanted = id; ; ) {
      await this.#options.store.setLive(wanted);
      const last = lastMove(await this.audit())?.generation ?? wanted;
      if (last === wanted) return wanted;
      wanted = last;
    }
  }

  async #changePins(
    action: 'pin' | 'unpin',
    id: GenerationId,
    motive: Motive,
    change: (text: string, id: GenerationId, comment: string) => string | null,
  ): Promise<boolean> {
    const { directory, store } = this.#options;
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const audit = await this.audit();
      const bytes = await readFile(this.#files, join(directory, pinnedName));
      const text = change(Buffer.from(bytes ?? []).toString('utf8'), id, `${motive.by}: ${motive.reason}`);
      if (text === null) return false;
      const entry = { ...motive, action, generation: id, from: await store.live() };
      if (!(await this.#append(audit, entry))) continue;
      const temporary = ownTemporaryName(pinnedName);
      await replaceFile(this.#files, directory, pinnedName, Buffer.from(text), temporary);
      return true;
    }
    throw tooBusy();
  }

  async #append(
    audit: Audit,
    entry: Pick<AuditEntry, 'by' | 'reason' | 'action' | 'generation' | 'from'>,
  ): Promise<boolean> {
    const { directory, store, clock } = this.#options;
    const newest = (await store.list()).at(-1);
    const at = new Date(clock.now()).toISOString();
    return appendAudit(this.#files, directory, audit, {
      version: 1,
      at,
      ...entry,
      cursor: newest?.cursor ?? null,
    });
  }

  async #pinned(): Promise<ReadonlySet<GenerationId>> {
    const path = join(this.#options.directory, pinnedName);
    const bytes = await readFile(this.#files, path);
    return parsePinned(bytes ? Buffer.from(bytes).toString('utf8') : '', path);
  }
}

/** Moves that may come between before an operator is asked to look. */
const attemptsMax = 5;

const tooBusy = (): RestillError =>
  new RestillError(
    'STORE_WRITE_FAILED',
    `others moved the live pointer or pinned ${attemptsMax} times while this was decided; ` +
      'see `restill generations audit`, then try again',
  );

/** Whether it took effect or not. */
const lastMove = ({ entries }: Audit): AuditEntry | undefined => intendedMoves(entries).at(-1);
