// audit.jsonl on disk: read as a whole, appended to by the line, never changed.
import { join } from 'node:path';
import { RestillError } from '../errors.ts';
import { type Audit, type AuditEntry, auditName, decodeAudit, encodeEntry } from './audit.ts';
import { appendFile, readFile } from './file-tree.fs.ts';
import type { Files } from './files.fs.ts';

/** A file that is not there has no entries. */
export async function readAudit(files: Files, directory: string): Promise<Audit> {
  return decodeAudit((await readFile(files, join(directory, auditName))) ?? new Uint8Array(0));
}

/**
 * Appends a line, durable afterwards.
 *
 * @param seen the audit that the entry was decided by.
 * @returns false when another process had appended in the meantime: then the entry was decided by what no
 *   longer holds. Its line stays.
 */
export async function appendAudit(
  files: Files,
  directory: string,
  seen: Audit,
  entry: AuditEntry,
): Promise<boolean> {
  const line = encodeEntry(entry, seen.bytes);
  await appendFile(files, join(directory, auditName), line);
  if (seen.bytes.byteLength === 0) await files.syncDirectory(directory);
  const { bytes } = await readAudit(files, directory);
  return Buffer.from(bytes).indexOf(line) === seen.bytes.byteLength;
}

/** @throws AUDIT_DAMAGED naming the lines. */
export function requireIntact({ problems }: Audit, directory: string): void {
  if (problems.length === 0) return;
  throw new RestillError(
    'AUDIT_DAMAGED',
    `${join(directory, auditName)}: ${problems.join('; ')}; find out who changed it, put it back from a ` +
      'copy or move it away, and name the generation: `restill generations promote g000001`',
  );
}
