// Things in order of age, the oldest at hand.
//
// A Map keeps that order too, but its iterators are of no use for it in a process that runs for months: a new
// one steps over every entry ever removed from the front, and in V8 one that is kept keeps all that was ever
// in the map (each table that the map has outgrown points to the next one).

/** Null at the ends, and outside of any chain. */
export interface Link<T> {
  older: T | null;
  younger: T | null;
}

/** A link is in at most one chain, at most once. */
export class Chain<T extends Link<T>> {
  #oldest: T | null = null;
  #newest: T | null = null;

  get oldest(): T | null {
    return this.#oldest;
  }

  /** As the newest. */
  append(link: T): void {
    link.older = this.#newest;
    if (this.#newest === null) this.#oldest = link;
    else this.#newest.younger = link;
    this.#newest = link;
  }

  remove(link: T): void {
    const { older, younger } = link;
    if (older === null) this.#oldest = younger;
    else older.younger = younger;
    if (younger === null) this.#newest = older;
    else younger.older = older;
    link.older = null;
    link.younger = null;
  }
}
