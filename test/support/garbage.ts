// What is held, told by the garbage collector.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** How many of the things that `make` has made are still held by something when it has returned. */
export async function countHeld(make: (watch: (made: object) => void) => unknown): Promise<number> {
  const watched: WeakRef<object>[] = [];
  const holder = make((made) => watched.push(new WeakRef(made)));
  // What a job has looked at through a WeakRef, or made one of, lives to its end.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  const held = watched.filter((ref) => ref.deref() !== undefined).length;
  return holder === null ? 0 : held;
}
