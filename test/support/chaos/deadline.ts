// Work that may not take for ever: where it does, the error says what it was and how things stand.

export interface Deadline {
  readonly ms: number;
  /** How things stand, for the message. */
  readonly standing: () => Promise<string> | string;
}

/** @throws Error when `work` has not come to its end after `ms`; it goes on, and is not waited for. */
export async function within<T>(what: string, work: Promise<T>, { ms, standing }: Deadline): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<'over'>((resolve) => {
    timer = setTimeout(() => resolve('over'), ms);
  });
  try {
    const done = await Promise.race([work.then((value) => ({ value })), over]);
    if (done !== 'over') return done.value;
    work.catch(() => {}); // It is given up.
    throw new Error(`after ${ms} ms it hangs: ${what}\n${await standing()}`);
  } finally {
    clearTimeout(timer);
  }
}
