// Who answers next. The data directory says which generation should be live; it is loaded and must prove
// itself while the old one answers on, then the pointers move. One is loaded at a time.
//
//   wanted -> loaded -> proven -> placed          a refused one is not tried again until somebody sets the
//               |         |                       live pointer; whoever answered before answers on. Where
//               +---------+--> refused            nobody answers, what may pass is tried again
//
// Invariants:
// 1. A student answers only after it has given its golden logits.
// 2. Nothing but a proven successor, or its own end, takes the live student away.
// 3. A generation that is already here goes live without being loaded: that makes a rollback immediate.
import type { Timer } from '../clock.ts';
import type { GenerationId } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { prove } from './admit.ts';
import type { Batcher } from './batching.ts';
import type {
  LoadStudent,
  RankerSettings,
  Refusal,
  ServedModel,
  ServingNews,
  Student,
  Wanted,
  Which,
} from './ports.ts';
import type { Places, Slot } from './slot.ts';

/** A student that may answer. */
export interface Served {
  readonly model: ServedModel;
  readonly student: Student;
  readonly batcher: Batcher;
  readonly proven: boolean;
}

export interface SuccessionOptions {
  readonly slot: Slot<Served>;
  readonly load: LoadStudent;
  readonly batcherFor: (student: Student) => Batcher;
  readonly timer: Timer;
  readonly settings: Pick<RankerSettings, 'loadDeadlineMs' | 'candidate'>;
  readonly onNews: (news: ServingNews) => void;
}

/** Before an engine that fails again and again is started again; the first time at once. */
const restMs = (failures: number): number => Math.min(30_000, 500 * (2 ** (failures - 1) - 1));
/** A student that answered so long did not die of starting. */
const soundMs = 60_000;

/** Why a load was called off that nobody waits for any more. */
const superseded = new Error('another generation is wanted');

export class Succession {
  readonly #o: SuccessionOptions;
  #wanted: Wanted | null = null;
  /** Not tried again: what the pointer said when its generation was refused, and a refused candidate. */
  #refusedPointer: string | null = null;
  #refusedCandidate: GenerationId | null = null;
  #loading: { readonly id: GenerationId; readonly controller: AbortController } | null = null;
  #work: Promise<void> | null = null;
  #isWorking = false;
  #failures = 0;
  #cancelRest: (() => void) | null = null;
  #closed = false;

  constructor(options: SuccessionOptions) {
    this.#o = options;
  }

  want(wanted: Wanted): void {
    if (wanted.pointer !== this.#wanted?.pointer) this.#endRest();
    this.#wanted = wanted;
    const { live, candidate } = wanted;
    const id = this.#loading?.id;
    if (id !== undefined && id !== live && (id !== candidate || live !== this.#idOf('live')))
      this.#loading!.controller.abort(superseded);
    this.#go();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#endRest();
    this.#loading?.controller.abort(superseded);
    await this.#work;
    this.#o.slot.place({ live: null, candidate: null });
  }

  #go(): void {
    if (this.#isWorking) return;
    this.#isWorking = true;
    this.#work = this.#steps();
  }

  async #steps(): Promise<void> {
    for (let which = this.#settle(); which !== null; which = this.#settle()) await this.#bring(which);
    this.#isWorking = false; // Here, not when the promise is settled: nobody may want anything in between.
  }

  /** Places who is already here. @returns which place waits for somebody who must be loaded. */
  #settle(): Which | null {
    if (this.#closed || this.#cancelRest || this.#wanted === null) return null;
    const { slot } = this.#o;
    const { live: old, candidate: spare } = slot.places;
    const target = this.#liveTarget();
    if (target !== null && target === spare?.model.generation) {
      this.#place({ live: spare, candidate: old });
      return this.#settle();
    }
    const next = this.#candidateTarget();
    // It would only take memory from whoever comes.
    if (spare && spare.model.generation !== next) slot.place({ live: old, candidate: null });
    if (target !== null && target !== this.#idOf('live')) return 'live';
    return next !== null && next !== this.#idOf('candidate') && next !== this.#idOf('live')
      ? 'candidate'
      : null;
  }

  /** Null: whoever answers goes on. */
  #liveTarget(): GenerationId | null {
    const { live, pointer } = this.#wanted!;
    return pointer === this.#refusedPointer ? null : live;
  }

  #candidateTarget(): GenerationId | null {
    const { candidate } = this.#wanted!;
    return this.#o.settings.candidate && candidate !== this.#refusedCandidate ? candidate : null;
  }

  async #bring(which: Which): Promise<void> {
    const { timer, slot } = this.#o;
    const { pointer } = this.#wanted!;
    const id = (which === 'live' ? this.#liveTarget() : this.#candidateTarget())!;
    const start = timer.elapsed();
    try {
      const served = await this.#load(id);
      const { live, candidate } = slot.places;
      const next =
        which === 'live' ? { live: served, candidate: live ?? candidate } : { live, candidate: served };
      this.#place(next, timer.elapsed() - start);
      this.#awaitDeath(served);
    } catch (error) {
      if (error === superseded) return;
      if (error instanceof RestillError && error.disposition === 'retry') return this.#mourn(id, error);
      this.#o.onNews({ kind: 'refused', refusal: refusalOf(id, error, timer.now()) });
      if (which === 'candidate') this.#refusedCandidate = id;
      else if (slot.places.live === null && mayPass(error)) this.#rest();
      else this.#refusedPointer = pointer;
    }
  }

  /** Loaded and proven, or nothing is left of it. */
  async #load(id: GenerationId): Promise<Served> {
    const { load, timer, settings, batcherFor } = this.#o;
    const controller = new AbortController();
    const { signal } = controller;
    this.#loading = { id, controller };
    const cancel = timer.after(settings.loadDeadlineMs, () =>
      controller.abort(tooSlow(id, settings.loadDeadlineMs)),
    );
    let student: Student | null = null;
    try {
      student = await load(id, signal);
      const proven = await Promise.race([prove(student), aborted(signal), died(student)]);
      signal.throwIfAborted();
      const model = { ...student.model, since: timer.now() };
      return { model, student, proven, batcher: batcherFor(student) };
    } catch (error) {
      await student?.engine.dispose();
      throw error;
    } finally {
      cancel();
      this.#loading = null;
    }
  }

  #place({ live, candidate }: Places<Served>, tookMs = 0): void {
    const { slot, onNews } = this.#o;
    const before = slot.places;
    // Who was loaded as a candidate may be wanted live by now, or not at all: it must stand in the slot all
    // the same, or nobody ever disposes it.
    const wanted = [this.#candidateTarget(), this.#liveTarget()];
    const kept = candidate && wanted.includes(candidate.model.generation) ? candidate : null;
    slot.place({ live, candidate });
    if (kept !== candidate) slot.place({ live, candidate: kept });
    if (live && live !== before.live)
      onNews({ kind: 'live', model: live.model, proven: live.proven, tookMs });
    if (kept && kept !== before.candidate)
      onNews({ kind: 'candidate', model: kept.model, proven: kept.proven });
  }

  #awaitDeath(served: Served): void {
    void served.student.died.then((error) => {
      const { slot, timer } = this.#o;
      const { live, candidate } = slot.places;
      if (live !== served && candidate !== served) return;
      if (timer.now() - served.model.since > soundMs) this.#failures = 0;
      slot.place({
        live: live === served ? null : live,
        candidate: candidate === served ? null : candidate,
      });
      this.#mourn(served.model.generation, error);
    });
  }

  #mourn(generation: GenerationId, error: Error): void {
    this.#o.onNews({ kind: 'died', generation, message: error.message });
    this.#rest();
  }

  #rest(): void {
    this.#endRest();
    if (this.#closed) return;
    this.#cancelRest = this.#o.timer.after(restMs(++this.#failures), () => {
      this.#cancelRest = null;
      this.#go();
    });
  }

  #endRest(): void {
    this.#cancelRest?.();
    this.#cancelRest = null;
  }

  #idOf(which: Which): GenerationId | null {
    return this.#o.slot.places[which]?.model.generation ?? null;
  }
}

export function refusalOf(generation: GenerationId | null, error: unknown, at: number): Refusal {
  const code = error instanceof RestillError ? error.code : 'BUG';
  return { generation, code, message: error instanceof Error ? error.message : String(error), at };
}

/** A busy machine, or a disk that does not answer: says nothing of the generation. */
const mayPass = (error: unknown): boolean =>
  error instanceof RestillError && ['GENERATION_SLOW', 'STORE_READ_FAILED'].includes(error.code);

const tooSlow = (id: GenerationId, deadlineMs: number): RestillError =>
  new RestillError(
    'GENERATION_SLOW',
    `generation ${id} was not ready after ${deadlineMs} ms (serve.load_deadline); promote it again when ` +
      'the machine is quieter, or allow it more time',
  );

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

const died = (student: Student): Promise<never> => student.died.then((error) => Promise.reject(error));
