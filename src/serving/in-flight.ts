// Requests that have begun to be read and are not answered yet, and whether more may begin.
export class InFlight {
  #isDraining = false;
  #count = 0;
  #onEmpty = (): void => {};

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** @returns what tells of its end; once. */
  begin(): () => void {
    this.#count++;
    return () => {
      this.#count--;
      if (this.#count === 0) this.#onEmpty();
    };
  }

  /** Calls back as soon as nothing is in flight, which may be at once, and each time it is so again. */
  drain(onEmpty: () => void): void {
    this.#isDraining = true;
    this.#onEmpty = onEmpty;
    if (this.#count === 0) onEmpty();
  }
}
