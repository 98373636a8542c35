// Every disk operation of this stage, one system call each, so that a test can fail any of them.
import { type FileHandle, mkdir, open, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import { RestillError } from '../errors.ts';

export interface Entry {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'other';
}

export interface OutputFile {
  /** How many of the bytes were taken: at least one, perhaps not all. */
  write(bytes: Uint8Array): Promise<number>;
  /** Resolves once the content survives a power loss; the file's name needs `syncDirectory` as well. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface InputFile {
  /** How many bytes were put into `into`; 0 at the end of the file. */
  read(into: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

/** Not guaranteed: durability where the disk lies about its cache, as macOS does without F_FULLFSYNC. */
export interface Files {
  /** False when there is something at the path already. Its parent must exist. */
  makeDirectory(path: string): Promise<boolean>;
  /** An empty file for writing; an old one of that name loses its content. */
  create(path: string): Promise<OutputFile>;
  /** For writing at the end of what there is; made where it is missing. */
  append(path: string): Promise<OutputFile>;
  /** Null where there is no such file. */
  openRead(path: string): Promise<InputFile | null>;
  /** In no particular order; null where there is no such directory. */
  list(path: string): Promise<Entry[] | null>;
  /** Atomic; replaces a file, never a directory with something in it. */
  rename(from: string, to: string): Promise<void>;
  removeFile(path: string): Promise<void>;
  /** Must be empty. */
  removeDirectory(path: string): Promise<void>;
  /** Resolves once the names in the directory survive a power loss. */
  syncDirectory(path: string): Promise<void>;
}

export const diskFiles: Files = {
  makeDirectory: (path) => mkdir(path).then(() => true, unless('EEXIST', false)),
  create: async (path) => output(await open(path, 'w')),
  append: async (path) => output(await open(path, 'a')),
  async openRead(path) {
    const handle = await open(path, 'r').catch(unless('ENOENT', null));
    return (
      handle && {
        read: async (into) => (await handle.read(into, 0, into.byteLength)).bytesRead,
        close: () => handle.close(),
      }
    );
  },
  async list(path) {
    const entries = await readdir(path, { withFileTypes: true }).catch(unless('ENOENT', null));
    if (entries === null) return null;
    return entries.map((entry) => ({
      name: entry.name,
      kind: entry.isFile() ? 'file' : entry.isDirectory() ? 'directory' : 'other',
    }));
  },
  rename,
  removeFile: unlink,
  removeDirectory: rmdir,
  async syncDirectory(path) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

/** The same, but a failure says which path, why, and what to do: STORE_WRITE_FAILED or STORE_READ_FAILED. */
export function named(files: Files): Files {
  return {
    makeDirectory: (path) => files.makeDirectory(path).catch(writing(path)),
    create: async (path) => namedOutput(await files.create(path).catch(writing(path)), path),
    append: async (path) => namedOutput(await files.append(path).catch(writing(path)), path),
    async openRead(path) {
      const file = await files.openRead(path).catch(reading(path));
      return (
        file && {
          read: (into) => file.read(into).catch(reading(path)),
          close: () => file.close().catch(reading(path)),
        }
      );
    },
    list: (path) => files.list(path).catch(reading(path)),
    rename: (from, to) => files.rename(from, to).catch(writing(to)),
    removeFile: (path) => files.removeFile(path).catch(writing(path)),
    removeDirectory: (path) => files.removeDirectory(path).catch(writing(path)),
    syncDirectory: (path) => files.syncDirectory(path).catch(writing(path)),
  };
}

const output = (handle: FileHandle): OutputFile => ({
  write: async (bytes) => (await handle.write(bytes)).bytesWritten,
  sync: () => handle.sync(),
  close: () => handle.close(),
});

const namedOutput = (file: OutputFile, path: string): OutputFile => ({
  write: (bytes) => file.write(bytes).catch(writing(path)),
  sync: () => file.sync().catch(writing(path)),
  close: () => file.close().catch(writing(path)),
});

const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free some space and start again',
  EDQUOT: 'the disk quota is used up: free some space and start again',
  EROFS: 'the file system is read-only: mount it for writing or use another directory',
  EACCES: 'permission denied: give this user the right to it or use another directory',
  EPERM: 'not permitted: give this user the right to it or use another directory',
  ENOTDIR: 'a file stands where a directory is needed: move it away or use another directory',
  EMFILE: 'too many open files: raise the limit (ulimit -n)',
};

/** What was there before is untouched: nothing is ever written in place. */
function writing(path: string): (cause: unknown) => never {
  return (cause) => {
    const why = remedies[errorCode(cause)] ?? 'look at the disk, then start again';
    const message = `cannot write ${path} (${reason(cause)}); ${why}; what was there already is untouched`;
    throw new RestillError('STORE_WRITE_FAILED', message, { cause });
  };
}

function reading(path: string): (cause: unknown) => never {
  return (cause) => {
    const why = remedies[errorCode(cause)] ?? 'look at the disk, then try again';
    throw new RestillError('STORE_READ_FAILED', `cannot read ${path} (${reason(cause)}); ${why}`, { cause });
  };
}

function unless<T>(code: string, instead: T): (cause: unknown) => T {
  return (cause) => {
    if (errorCode(cause) === code) return instead;
    throw cause;
  };
}

const errorCode = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';

const reason = (cause: unknown): string =>
  errorCode(cause) || (cause instanceof Error ? cause.message : String(cause));
