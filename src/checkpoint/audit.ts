// audit.jsonl: who put which generation in service, or pinned it, when and why. Lines are only ever appended.
//
// Invariants:
// 1. A line is sealed: `sha256` is over its other fields, so a byte that differs shows.
// 2. `chain` is the SHA-256 of the file before the line, as its writer saw it: a line that was removed,
//    inserted or moved shows in every line after it. Two processes that append in one moment see the same
//    file, so the chain may pass over the last few lines before it.
// 3. What a crash cut short has no newline, or is covered by the chain of the line after it.
// Not guaranteed: that lines missing from the end show. What is live and is not in the file does.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { GenerationId } from '../contract.ts';
import { generationIdSchema } from './generation.ts';

export const auditName = 'audit.jsonl';

/** `found`: it was live, and nobody had written down how it became so. */
export type AuditAction = 'promote' | 'rollback' | 'found' | 'pin' | 'unpin';

export interface AuditEntry {
  readonly version: 1;
  /** ISO 8601. */
  readonly at: string;
  /** `gate`, or the name of an operator. */
  readonly by: string;
  readonly action: AuditAction;
  /** The one that goes live, or is pinned or unpinned. */
  readonly generation: GenerationId;
  /** What was live before. */
  readonly from: GenerationId | null;
  /** Groups that the newest generation had learnt by then: where a cool-down begins. */
  readonly cursor: number | null;
  readonly reason: string;
}

const entrySchema = z.strictObject({
  version: z.literal(1),
  at: z.iso.datetime(),
  by: z.string(),
  action: z.enum(['promote', 'rollback', 'found', 'pin', 'unpin']),
  generation: generationIdSchema,
  from: generationIdSchema.nullable(),
  cursor: z.int().min(0).nullable(),
  reason: z.string(),
  chain: z.string(),
});

export interface AuditLine extends AuditEntry {
  /** Another process had appended since its writer looked: what it says was not done. */
  readonly overtaken: boolean;
}

export interface Audit {
  readonly entries: readonly AuditLine[];
  /** What is wrong with the file, by line; empty when nothing is. */
  readonly problems: readonly string[];
  /** The bytes that it was read from. */
  readonly bytes: Uint8Array;
}

/** Lines that may stand between a line and the one that its writer saw last. */
const racesMax = 8;

export function decodeAudit(bytes: Uint8Array): Audit {
  const entries: AuditLine[] = [];
  const problems: string[] = [];
  const hash = createHash('sha256');
  const chains = [hash.copy().digest('hex')];
  const { lines, tail } = linesOf(Buffer.from(bytes));
  lines.forEach((line, i) => {
    const found = decodeLine(line);
    hash.update(line);
    chains.push(hash.copy().digest('hex'));
    if (found !== null) {
      entries.push({ ...found.entry, overtaken: found.chain !== chains.at(-2) });
      if (!chains.slice(-2 - racesMax, -1).includes(found.chain))
        problems.push(`line ${i + 1} does not follow the lines before it: some are missing or changed`);
    } else if (decodeLine(lines[i + 1] ?? tail)?.chain !== chains.at(-1)) {
      problems.push(`line ${i + 1} is not as it was written`);
    }
  });
  return { entries, problems, bytes };
}

/** Each with the newline that ends it; the tail has none. */
function linesOf(bytes: Buffer): { lines: Buffer[]; tail: Buffer } {
  const lines: Buffer[] = [];
  let at = 0;
  for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, at)) {
    lines.push(bytes.subarray(at, end + 1));
    at = end + 1;
  }
  return { lines, tail: bytes.subarray(at) };
}

/** What to append to a file of these bytes, in one write. */
export function encodeEntry(entry: AuditEntry, before: Uint8Array): Uint8Array {
  // After a line that a crash cut short a new one begins.
  const gap = before.byteLength > 0 && before.at(-1) !== newline ? '\n' : '';
  const chain = createHash('sha256').update(before).update(gap).digest('hex');
  const fields = { ...entry, chain };
  return Buffer.from(`${gap}${JSON.stringify({ ...fields, sha256: digest(fields) })}\n`);
}

const newline = 10;

function decodeLine(line: Buffer): { entry: AuditEntry; chain: string } | null {
  try {
    const { sha256, ...fields } = JSON.parse(line.toString('utf8')) as Record<string, unknown>;
    if (sha256 !== digest(fields)) return null;
    const { chain, ...entry } = entrySchema.parse(fields);
    return { entry, chain };
  } catch {
    return null; // not a line of ours, and reported as that
  }
}

/** The fields are flat: an array of names is all that JSON.stringify needs to sort them. */
const digest = (fields: object): string =>
  createHash('sha256')
    .update(JSON.stringify(fields, Object.keys(fields).sort()))
    .digest('hex');

const moves: readonly AuditAction[] = ['promote', 'rollback', 'found'];

/** Lines that move the live pointer, unless a crash came between line and move. */
export const intendedMoves = (entries: readonly AuditLine[]): AuditLine[] =>
  entries.filter(({ action, overtaken }) => moves.includes(action) && !overtaken);

/** Moves that took effect: the next one comes from where they led. */
export function movesIn(entries: readonly AuditLine[], live: GenerationId | null): AuditLine[] {
  const intended = intendedMoves(entries);
  return intended.filter((entry, i) => {
    const next = intended[i + 1];
    return entry.generation === (next ? next.from : live);
  });
}

/**
 * What served before the live one did. A rollback undoes a promotion: a second one goes a step further back,
 * not forward again. Null where the audit does not know.
 */
export function previouslyLive(
  entries: readonly AuditLine[],
  live: GenerationId | null,
): GenerationId | null {
  const stack: GenerationId[] = [];
  for (const { action, generation, from } of movesIn(entries, live)) {
    if (stack.length === 0 && from !== null) stack.push(from);
    const known = action === 'rollback' ? stack.lastIndexOf(generation) : -1;
    if (known >= 0) stack.length = known + 1;
    else if (stack.at(-1) !== generation) stack.push(generation);
  }
  return stack.at(-1) === live ? (stack.at(-2) ?? null) : null;
}
