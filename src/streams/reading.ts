// What the thread that reads recordings and the one that ingests them say to each other.
import { type ErrorCode, RestillError } from '../errors.ts';
import type { Columns } from './columns.ts';

/** `recording` is the number that the one who opens it gives it. */
export interface About<Message> {
  readonly recording: number;
  readonly message: Message;
}

export type ToReader =
  | { readonly kind: 'open'; readonly path: string; readonly bytesMax: number }
  /** One more batch may come: the reader is ahead by no more than it has been allowed. */
  | { readonly kind: 'want' }
  | { readonly kind: 'close' };

/** `bytesRead`: how much of the file the reader had used up when it came to this. */
export type FromReader =
  | { readonly kind: 'opened'; readonly bytesTotal: number }
  | { readonly kind: 'batch'; readonly columns: Columns; readonly bytesRead: number }
  | { readonly kind: 'ended'; readonly bytesRead: number }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly bytesRead: number }
  /** The last one: the file is closed. */
  | { readonly kind: 'closed' };

/** An error on its way: errors as such lose their class and their fields. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly cause: { readonly message: string; readonly code: string | null } | null;
}

export function failureOf({ code, message, cause }: RestillError): Failure {
  if (!(cause instanceof Error)) return { code, message, cause: null };
  return {
    code,
    message,
    cause: { message: cause.message, code: (cause as NodeJS.ErrnoException).code ?? null },
  };
}

export function errorOf({ code, message, cause }: Failure): RestillError {
  if (cause === null) return new RestillError(code, message);
  const why = new Error(cause.message);
  return new RestillError(code, message, {
    cause: cause.code === null ? why : Object.assign(why, { code: cause.code }),
  });
}
