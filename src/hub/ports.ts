// The two edges of a pull as `pull.ts` sees them: a hub that has files, and a cache that keeps them.
import type { ModelReference } from './reference.ts';

export interface Listing {
  /** What the revision stands for today, 40 hexadecimal digits. */
  readonly commit: string;
  /** Names of all files of the repository; not to be trusted. */
  readonly files: readonly string[];
}

export interface RemoteFile {
  readonly file: string;
  readonly url: string;
  /** Name of its content: see etag.ts. */
  readonly blob: string;
  readonly bytes: number;
}

export interface Transfer {
  /** Where in the file the body begins. */
  readonly from: number;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Errors: HUB_UNREACHABLE (also from a body that breaks off), HUB_REFUSED.
 */
export interface Hub {
  describe(reference: ModelReference): Promise<Listing>;
  locate(at: { repository: string; commit: string; file: string }): Promise<RemoteFile>;
  /** From byte `from` on, or from the start where the hub cannot. */
  open(remote: RemoteFile, from: number): Promise<Transfer>;
}

/** One model's folder of the cache. Errors: STORE_WRITE_FAILED, STORE_READ_FAILED. */
export interface ModelCache {
  /** Of the snapshot of a commit, whether or not it is there. */
  directory(commit: string): string;
  hasFile(commit: string, file: string): Promise<boolean>;
  readText(commit: string, file: string): Promise<string>;
  hasBlob(blob: string): Promise<boolean>;
  /** How much of an unfinished blob is there. */
  partialBytes(blob: string): Promise<number>;
  /** Drops what is beyond `from`, then adds the body. Throws HUB_REFUSED when it exceeds the file's size. */
  append(remote: RemoteFile, transfer: Transfer, onBytes: (done: number) => void): Promise<void>;
  /** Checks size and hash and makes it a blob; what fails is removed, MODEL_DAMAGED. */
  finish(remote: RemoteFile): Promise<void>;
  /** Puts a blob into a snapshot under its file's name. */
  link(commit: string, remote: RemoteFile): Promise<void>;
  /** What a revision stands for from now on. */
  point(revision: string, commit: string): Promise<void>;
  requireRoom(bytes: number): Promise<void>;
}

/** Told while a file arrives, and once more when it is complete. */
export type OnProgress = (progress: { file: string; done: number; of: number }) => void;
