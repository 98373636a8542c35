// What a journal is bound to from its first day on: its format, the settings that decide about its content,
// and its sizes.
import { type Config, streamsDigest, streamsSettings } from '../config.ts';
import { RestillError } from '../errors.ts';
import { formatVersion } from './journal-format.ts';

export interface Identity {
  readonly format: number;
  readonly streamsDigest: string;
  /** What the digest is of, so that a difference can be named. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly ringMax: number;
  readonly memoryMax: number;
}

export const identityOf = (config: Config): Identity => ({
  format: formatVersion,
  streamsDigest: streamsDigest(config),
  settings: streamsSettings(config),
  ringMax: config.journal.ringMax,
  memoryMax: config.journal.memoryMax,
});

/** @throws RestillError JOURNAL_FOREIGN that says what differs. */
export function requireIdentity(found: Identity, expected: Identity): void {
  if (found.format !== expected.format)
    throw foreign(`it has format ${found.format}, this version of restill reads format ${expected.format}`);
  const differences = [
    ...(found.streamsDigest === expected.streamsDigest
      ? []
      : differencesOf(found.settings, expected.settings, '')),
    ...differencesOf(found.ringMax, expected.ringMax, 'journal.ringMax'),
    ...differencesOf(found.memoryMax, expected.memoryMax, 'journal.memoryMax'),
  ];
  if (differences.length > 0) throw foreign(`it was made with other settings: ${differences.join('; ')}`);
}

function differencesOf(found: unknown, expected: unknown, path: string): string[] {
  if (JSON.stringify(found) === JSON.stringify(expected)) return [];
  if (!isRecord(found) || !isRecord(expected))
    return [`${snakeCase(path)} is ${JSON.stringify(expected)}, was ${JSON.stringify(found)}`];
  const names = [...new Set([...Object.keys(found), ...Object.keys(expected)])];
  return names.flatMap((name) =>
    differencesOf(found[name], expected[name], path === '' ? name : `${path}.${name}`),
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** As the operator writes it. */
const snakeCase = (path: string): string => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const foreign = (why: string): RestillError =>
  new RestillError(
    'JOURNAL_FOREIGN',
    `the journal in the data directory does not belong to this run: ${why}; ` +
      'use its settings, or another data directory',
  );
