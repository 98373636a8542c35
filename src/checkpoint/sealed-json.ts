// JSON that detects its own damage: keys sorted, two spaces, a final newline, and a `sha256` field over the
// rest. The bytes are a function of the value, so any byte that differs is damage. Every version of every
// file that is written this way keeps the seal: a reader checks it before it looks at anything else.
import { createHash } from 'node:crypto';
import { assert } from '../errors.ts';

type Fields = Readonly<Record<string, unknown>>;

/** @throws BUG for what JSON cannot hold (NaN, undefined), which JSON.stringify would silently change. */
export function seal(fields: Fields): Uint8Array {
  assert(!('sha256' in fields), 'the field sha256 belongs to the seal');
  assertHolds(fields);
  return Buffer.from(text({ ...fields, sha256: digest(fields) }));
}

/** The fields without the seal; null when the bytes are not exactly what `seal` wrote. */
export function unseal(bytes: Uint8Array): Fields | null {
  const parsed = parse(bytes);
  if (parsed === null) return null;
  const { sha256, ...fields } = parsed;
  if (sha256 !== digest(fields)) return null;
  return Buffer.from(text(parsed)).equals(bytes) ? fields : null;
}

const text = (fields: Fields): string => `${JSON.stringify(sorted(fields), null, 2)}\n`;

const digest = (fields: Fields): string => createHash('sha256').update(text(fields)).digest('hex');

function parse(bytes: Uint8Array): Fields | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return isObject(value) ? value : null;
  } catch {
    return null; // not JSON: as damaged as a wrong digest, and reported the same way by the caller
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (isObject(value))
    return Object.fromEntries(
      Object.keys(value)
        .sort()
        .map((key) => [key, sorted(value[key])]),
    );
  return value;
}

// Asked of what is written, never of what was read: there 1e999 is Infinity, and that is damage, not a bug.
function assertHolds(value: unknown): void {
  if (Array.isArray(value)) return value.forEach(assertHolds);
  if (isObject(value)) return Object.values(value).forEach(assertHolds);
  assert(
    value === null ||
      typeof value === 'string' ||
      typeof value === 'boolean' ||
      (typeof value === 'number' && Number.isFinite(value)),
    `sealed JSON cannot hold ${String(value)}`,
  );
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
