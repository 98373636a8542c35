// When an impression closes, or a click comes after that: whether it is told on.
//
// Invariant: a bot's impression leaves no trace here: its events are counted as bots already. Every other one
// that closes is told once (settling.ts).
import type { Admission } from './admission.ts';
import type { Join } from './join.ts';
import type { Outlet } from './settling.ts';
import type { Entry } from './slot-table.ts';
import type { Visit } from './visit.ts';

export interface Parts {
  readonly admission: Admission;
  readonly join: Join;
  readonly outlet: Outlet;
}

export class Closing {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** An open impression is complete. */
  close(visit: Entry<Visit>): void {
    const { join, admission, outlet } = this.#parts;
    const { value: page } = join.pages.get(visit.key)!;
    join.close(visit);
    if (!admission.isBot(visit.value.session)) outlet.closed(visit.key, visit.value, page);
  }

  /** A click has come for a retained impression. */
  correct(visit: Entry<Visit>): void {
    const { join, admission, outlet } = this.#parts;
    if (admission.isBot(visit.value.session)) return;
    // The page is still here: it goes when the impression lapses, which is after it closes.
    outlet.corrected(visit.key, visit.value, join.pages.get(visit.key)!.value);
  }
}
