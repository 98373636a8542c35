// Text files that commands read and write; query, document and judgment files above all. Gzip is unpacked.
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Config } from '../config.ts';
import { RestillError } from '../errors.ts';
import { isHoldout } from '../streams/holdout.ts';
import { normalizeQuery } from '../streams/normalize.ts';
import { redact } from '../streams/redact.ts';
import { type JudgedQuery, judgedQueries } from '../trainer/judged.ts';

/** @throws INPUT_UNREADABLE naming the file. */
export function readText(file: string): string {
  try {
    const bytes = readFileSync(file);
    const gzipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return (gzipped ? gunzipSync(bytes) : bytes).toString('utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RestillError('INPUT_UNREADABLE', `cannot read ${file}: ${why}; check the path`, {
      cause: error,
    });
  }
}

/** @throws STORE_WRITE_FAILED naming the file. */
export function writeText(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RestillError(
      'STORE_WRITE_FAILED',
      `cannot write ${file}: ${why}; free disk space or give another place, then repeat the command`,
      { cause: error },
    );
  }
}

/** @throws INPUT_UNREADABLE naming the file, and the line where there is one. */
export function readJudged(files: {
  readonly queries: string;
  readonly documents: string;
  readonly judgments: string;
}): JudgedQuery[] {
  const lines = (file: string) => ({ name: file, lines: readText(file).split('\n') });
  return judgedQueries({
    queries: lines(files.queries),
    documents: lines(files.documents),
    judgments: lines(files.judgments),
  });
}

/** Those that the configuration names; null when it names none. Errors as for `readJudged`. */
export function configuredJudgments({ evaluation }: Config): JudgedQuery[] | null {
  const { queries, documents, judgments } = evaluation;
  if (queries === null || documents === null || judgments === null) return null;
  return readJudged({ queries, documents, judgments });
}

/** Promise 7: decided on the query as ingest does, that is, as the journal has it. */
export const isHeldOut = (query: string, config: Config): boolean =>
  isHoldout(normalizeQuery(config.privacy.redact ? redact(query).text : query), config);
