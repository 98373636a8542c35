// Fails disk operations by number: the n-th, for n = 1, 2, ... until an undisturbed run needs fewer than n.
import type { Files, OutputFile } from '../../src/checkpoint/files.fs.ts';

export type Operation = keyof Files | 'write' | 'read' | 'sync' | 'close';

/** Called before each operation, counting from 1; throws to make it fail. */
export type Fault = (number: number, operation: Operation, path: string) => void;

/** The same files with every operation counted and put before `fault`. */
export function withFault(files: Files, fault: Fault): Files {
  let count = 0;
  const step: Step = async (operation, path, work) => {
    fault(++count, operation, path);
    return work();
  };
  return {
    makeDirectory: (path) => step('makeDirectory', path, () => files.makeDirectory(path)),
    create: async (path) => writing(await step('create', path, () => files.create(path)), path, step),
    append: async (path) => writing(await step('append', path, () => files.append(path)), path, step),
    async openRead(path) {
      const file = await step('openRead', path, () => files.openRead(path));
      return (
        file && {
          read: (into) => step('read', path, () => file.read(into)),
          close: closing(file, path, step),
        }
      );
    },
    list: (path) => step('list', path, () => files.list(path)),
    rename: (from, to) => step('rename', to, () => files.rename(from, to)),
    removeFile: (path) => step('removeFile', path, () => files.removeFile(path)),
    removeDirectory: (path) => step('removeDirectory', path, () => files.removeDirectory(path)),
    syncDirectory: (path) => step('syncDirectory', path, () => files.syncDirectory(path)),
  };
}

type Step = <T>(operation: Operation, path: string, work: () => Promise<T>) => Promise<T>;

const writing = (file: OutputFile, path: string, step: Step): OutputFile => ({
  async write(bytes) {
    try {
      return await step('write', path, () => file.write(bytes));
    } catch (error) {
      // Whoever is killed or runs out of space while writing has written something.
      await file.write(bytes.subarray(0, bytes.byteLength >> 1));
      throw error;
    }
  },
  sync: () => step('sync', path, () => file.sync()),
  close: closing(file, path, step),
});

/**
 * Closes in any case: the kernel does so for a process that is killed, and close(2) frees the handle even
 * when it fails.
 */
function closing(file: { close(): Promise<void> }, path: string, step: Step): () => Promise<void> {
  return async () => {
    await file.close();
    await step('close', path, async () => {});
  };
}

export const errno = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code });

/** The n-th operation fails, once. */
export const failOnce =
  (at: number, code = 'EIO'): Fault =>
  (number) => {
    if (number === at) throw errno(code);
  };

const growing: readonly Operation[] = ['makeDirectory', 'create', 'append', 'write'];

/** From the n-th operation on nothing more fits on the disk; deleting still works. */
export const diskFull =
  (from: number): Fault =>
  (number, operation) => {
    if (number >= from && growing.includes(operation)) throw errno('ENOSPC');
  };

/** The process is gone at the n-th operation: nothing happens any more. */
export const killed =
  (from: number): Fault =>
  (number) => {
    if (number >= from) throw errno('KILLED');
  };

/** Every write takes at most `most` bytes. */
export function shortWrites(files: Files, most: number): Files {
  return {
    ...bound(files),
    async create(path) {
      const file = await files.create(path);
      return { ...file, write: (bytes) => file.write(bytes.subarray(0, most)) };
    },
  };
}

/** A spread of a class instance would lose its methods. */
function bound(files: Files): Files {
  return withFault(files, () => {});
}
