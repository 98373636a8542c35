// Generations on disk. The directory:
//
//   g000001/ g000002/ ...   complete generations, immutable
//   current.json            which of them serves
//   pinned                  ids to be kept, one a line; edited by the operator, or by commands
//   audit.jsonl             who moved the pointer or pinned, when and why: see desk.fs.ts
//   .staging-g000003/       being written          } after a crash both are cleared away
//   .removing-g000001/      being deleted          } at the next start
//   .damaged-g000002/       failed its checks; set aside for whoever wants to know why
//
// Invariants, which the crash tests cite:
// 1. After a crash or power loss at any moment `latest` and `live` are as before or as after, never a mix.
// 2. What `publish` or `setLive` returned from is durable.
// 3. A number once seen as a generation is never given out again.
// 4. A reader changes nothing on disk. One process at a time has write access: the journal's lock sees to it.
//    An operator's command moves the pointer meanwhile, and touches nothing else of this.
// 5. Retention never removes the live generation, the one to roll back to, or a pinned one.
// 6. What the gate promoted goes live, also when a crash comes between `publish` and `setLive`; unless
//    something else than what it was judged against has been put in service since.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import type {
  GateVerdict,
  Generation,
  GenerationId,
  GenerationStore,
  Manifest,
  Snapshot,
} from '../contract.ts';
import { assert, type ErrorCode, RestillError } from '../errors.ts';
import { readAudit } from './audit.fs.ts';
import { previouslyLive } from './audit.ts';
import { checkDigest } from './check-digest.ts';
import {
  makeDirectories,
  ownTemporaryName,
  readFile,
  removeTree,
  replaceFile,
  temporaryName,
} from './file-tree.fs.ts';
import { diskFiles, type Files, named } from './files.fs.ts';
import { judgedAgainst } from './gate.ts';
import {
  currentName,
  damagedName,
  generationNumber,
  generationsIn,
  nextGenerationId,
  pinnedName,
  placeOf,
  removingName,
} from './generation.ts';
import { describeSnapshot, refuseForeign } from './manifest.ts';
import { parsePinned } from './pinned.ts';
import { decodePointer, encodePointer, type Pointer } from './pointer.ts';
import { expired, expiredDamaged } from './retention.ts';
import { land, stage } from './staging.fs.ts';
import { isServed, readManifest, verifyGeneration } from './verify.fs.ts';

type Access = 'read' | 'operate' | 'write';

const rank: Readonly<Record<Access, number>> = { read: 0, operate: 1, write: 2 };

const purposes: Readonly<Record<Access, string>> = {
  read: 'reading',
  operate: 'moving the live pointer',
  write: 'writing',
};

/** A generation that was passed over, and why. */
export interface Unusable {
  readonly id: GenerationId;
  /** GENERATION_DAMAGED, or GENERATION_FOREIGN for a version not known here. Its message names the file. */
  readonly error: RestillError;
  /** Where it was set aside; null where it was left in place. */
  readonly movedTo: string | null;
}

export interface StoreOptions {
  /** Holds the generations; made where it is missing (with write access). */
  readonly directory: string;
  /** For the dates that people read. */
  readonly clock: Clock;
  /**
   * `read` is for commands that look on while another process writes, `operate` for those that move the live
   * pointer meanwhile.
   */
  readonly access: Access;
  /** Told of every generation that `latest` or `list` passes over. */
  readonly onUnusable: (unusable: Unusable) => void;
  /** The disk, unless a test gives another. */
  readonly files?: Files;
}

/**
 * With write access it clears away what a crash left behind, and puts in service what the gate had promoted
 * when the crash came between `publish` and `setLive`.
 *
 * @throws STORE_WRITE_FAILED, STORE_READ_FAILED, GENERATION_DAMAGED (current.json).
 */
export async function openStore(options: StoreOptions): Promise<GenerationStore> {
  const store = new DirectoryStore(options);
  if (options.access === 'write') await store.prepare();
  return store;
}

class DirectoryStore implements GenerationStore {
  readonly #options: StoreOptions;
  readonly #directory: string;
  readonly #files: Files;
  /** Changes wait for each other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#directory = options.directory;
    this.#files = named(options.files ?? diskFiles);
  }

  async prepare(): Promise<void> {
    await makeDirectories(this.#files, this.#directory);
    await this.#clear();
    for (const name of await this.#names())
      if (isLeftOver(name)) await this.#files.removeFile(this.#pathOf(name));
    await this.#finishPromotion();
  }

  publish(snapshot: Snapshot, verdict: GateVerdict): Promise<Generation> {
    return this.#change(async () => {
      await this.#clear(); // of an earlier attempt that failed
      const names = await this.#names();
      const manifest = describeSnapshot(snapshot, {
        id: nextGenerationId(names, await this.live()),
        parent: generationsIn(names).at(-1) ?? null,
        createdAtMs: this.#options.clock.now(),
        verdict,
      });
      try {
        const pending = await stage(this.#files, this.#directory, manifest, snapshot.files);
        return await land(this.#files, this.#directory, pending);
      } catch (error) {
        await this.#clear().catch(() => {}); // if it cannot, the next start does it
        throw error;
      }
    });
  }

  latest(configDigest: string): Promise<Generation | null> {
    return this.#change(async () => {
      for (const id of generationsIn(await this.#names()).reverse()) {
        const generation = await this.#verified(id);
        if (generation === null) continue;
        refuseForeign(generation.manifest, configDigest);
        return generation;
      }
      return null;
    }, 'read');
  }

  async list(): Promise<Manifest[]> {
    const manifests: Manifest[] = [];
    for (const id of generationsIn(await this.#names())) {
      try {
        manifests.push(await readManifest(this.#files, this.#pathOf(id), id));
      } catch (error) {
        if (!isOneOf(error, 'GENERATION_DAMAGED', 'GENERATION_FOREIGN')) throw error;
        // Retention may take it away under a reader's hands; then nothing is wrong.
        const stillThere = (await this.#names()).includes(id);
        if (stillThere) this.#options.onUnusable({ id, error, movedTo: null });
      }
    }
    return manifests;
  }

  async open(id: GenerationId): Promise<Generation> {
    const names = await this.#names();
    const isChecked = this.#options.access === 'operate' ? isServed : undefined;
    if (names.includes(id)) return verifyGeneration(this.#files, this.#pathOf(id), id, isChecked);
    const aside = names.find((name) => name.startsWith(`.damaged-${id}`));
    const known = generationsIn(names);
    throw new RestillError(
      'GENERATION_UNKNOWN',
      aside
        ? `generation ${id} was damaged and set aside as ${this.#pathOf(aside)}; ` +
            `use one of: ${known.join(', ')}`
        : `no generation ${id} in ${this.#directory}; ` +
            (known.length > 0 ? `there are: ${known.join(', ')}` : 'there are none yet'),
    );
  }

  async read(generation: Generation, path: string): Promise<Uint8Array> {
    const { id, files } = generation.manifest;
    const listed = files.find((file) => file.path === path);
    assert(listed !== undefined, `generation ${id} has no file ${path}; its manifest lists what it has`);
    const where = join(generation.directory, path);
    const bytes = await readFile(this.#files, where);
    const sha256 = bytes && createHash('sha256').update(bytes).digest('hex');
    checkDigest(where, listed, bytes && { bytes: bytes.byteLength, sha256: sha256! });
    return bytes!;
  }

  async live(): Promise<GenerationId | null> {
    return (await this.#pointer())?.id ?? null;
  }

  setLive(id: GenerationId): Promise<void> {
    return this.#change(() => this.#pointTo(id), 'operate');
  }

  retain(keep: number): Promise<GenerationId[]> {
    return this.#change(async () => {
      const names = await this.#names();
      const live = await this.live();
      const { entries } = await readAudit(this.#files, this.#directory);
      const before = previouslyLive(entries, live);
      const pinned = new Set([...(await this.#pinned()), ...(before ? [before] : [])]);
      const going = expired(names, { keep, live, pinned });
      for (const id of going) await this.#files.rename(this.#pathOf(id), this.#pathOf(removingName(id)));
      // Out of sight for good before the first file goes: a half-deleted generation would look damaged.
      if (going.length > 0) await this.#files.syncDirectory(this.#directory);
      for (const id of going) await removeTree(this.#files, this.#pathOf(removingName(id)));
      for (const name of expiredDamaged(names)) await removeTree(this.#files, this.#pathOf(name));
      return going;
    });
  }

  #change<T>(work: () => Promise<T>, least: Access = 'write'): Promise<T> {
    const { access } = this.#options;
    assert(rank[access] >= rank[least], `this store was opened for ${purposes[access]}`);
    const result = this.#last.then(work);
    this.#last = result.catch(() => {}); // its caller gets the error; the next change starts all the same
    return result;
  }

  async #pointer(): Promise<Pointer | null> {
    const path = this.#pathOf(currentName);
    const bytes = await readFile(this.#files, path);
    return bytes && decodePointer(bytes, path);
  }

  async #pointTo(id: GenerationId): Promise<void> {
    await this.open(id);
    // Its name must be durable before anything points to it: the fsync that ends `publish` may have failed.
    await this.#files.syncDirectory(this.#directory);
    const newest = generationsIn(await this.#names()).at(-1)!;
    const pointer = encodePointer(id, newest, this.#options.clock.now());
    // Beside a writer an operator's command must not share its temporary file.
    const { access } = this.#options;
    const temporary = access === 'operate' ? ownTemporaryName(currentName) : temporaryName(currentName);
    await replaceFile(this.#files, this.#directory, currentName, pointer, temporary);
  }

  /**
   * An operator is not overruled: neither one who moved the pointer after the newest was there, nor one who
   * did while it was being judged, or pinned what is live.
   */
  async #finishPromotion(): Promise<void> {
    const newest = generationsIn(await this.#names()).at(-1);
    const pointer = await this.#pointer();
    if (!newest || (pointer && generationNumber(pointer.newest) >= generationNumber(newest))) return;
    try {
      const { gate } = await readManifest(this.#files, this.#pathOf(newest), newest);
      const against = judgedAgainst(gate);
      const isMoved = pointer !== null && against !== null && generationNumber(pointer.id) !== against;
      const isPinned = pointer !== null && (await this.#pinned()).has(pointer.id);
      if (gate.decision === 'PROMOTE' && !isMoved && !isPinned) await this.#pointTo(newest);
    } catch (error) {
      // A generation that cannot be used is not promoted; `latest` says what is wrong with it.
      if (!isOneOf(error, 'GENERATION_DAMAGED', 'GENERATION_FOREIGN')) throw error;
    }
  }

  /** Null when it is damaged; then it is also reported, and with write access set aside. */
  async #verified(id: GenerationId): Promise<Generation | null> {
    try {
      return await verifyGeneration(this.#files, this.#pathOf(id), id);
    } catch (error) {
      if (!isOneOf(error, 'GENERATION_DAMAGED')) throw error;
      const movedTo = this.#options.access === 'write' ? await this.#setAside(id) : null;
      this.#options.onUnusable({ id, error, movedTo });
      return null;
    }
  }

  async #setAside(id: GenerationId): Promise<string> {
    const path = this.#pathOf(damagedName(id, new Set(await this.#names())));
    await this.#files.rename(this.#pathOf(id), path);
    await this.#files.syncDirectory(this.#directory);
    return path;
  }

  async #clear(): Promise<void> {
    for (const name of await this.#names()) {
      const { kind } = placeOf(name);
      if (kind === 'staging' || kind === 'removing') await removeTree(this.#files, this.#pathOf(name));
      if (name === temporaryName(currentName)) await this.#files.removeFile(this.#pathOf(name));
    }
  }

  async #pinned(): Promise<ReadonlySet<GenerationId>> {
    const path = this.#pathOf(pinnedName);
    const bytes = await readFile(this.#files, path);
    return parsePinned(bytes ? Buffer.from(bytes).toString('utf8') : '', path);
  }

  async #names(): Promise<string[]> {
    return ((await this.#files.list(this.#directory)) ?? []).map((entry) => entry.name);
  }

  #pathOf(name: string): string {
    return join(this.#directory, name);
  }
}

/** Of an operator's command that was killed. */
const isLeftOver = (name: string): boolean => /^\.(current\.json|pinned)\.[\da-f-]+\.new$/.test(name);

function isOneOf(error: unknown, ...codes: ErrorCode[]): error is RestillError {
  return error instanceof RestillError && codes.includes(error.code);
}
