// The judged queries and the click stream of ESCI, the stream through the real ingest. Titles only: a summary
// would double the tokens of every sequence, and half of ESCI's are marketing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { readJudged } from '../../src/commands/text-files.ts';
import type { Config } from '../../src/config.ts';
import type { Document, Group } from '../../src/contract.ts';
import { assert, RestillError } from '../../src/errors.ts';
import { openDeadLetters } from '../../src/streams/dead-letters.fs.ts';
import { openIngest } from '../../src/streams/ingest.rx.ts';
import { normalizeQuery, queryKey } from '../../src/streams/normalize.ts';
import { openRecordedSource } from '../../src/streams/recorded-source.fs.ts';
import { redact } from '../../src/streams/redact.ts';
import type { JudgedQuery } from '../../src/trainer/judged.ts';
import { emptyStore, MemoryJournal } from '../../test/support/memory-journal.ts';
import { sharedFile } from '../../test/support/shared.ts';

export interface Esci {
  readonly queries: readonly JudgedQuery[];
  /** In the order of the stream, none held out. */
  readonly groups: readonly Group[];
  /** The judged query that a group belongs to. */
  readonly queryIdOf: (group: Group) => string;
}

/** @throws RestillError INPUT_UNREADABLE where the data is absent. */
export async function readEsci(config: Config): Promise<Esci> {
  const queries = readJudged({
    queries: present('queries.jsonl'),
    documents: present('docs.jsonl.gz'),
    judgments: present('qrels.tsv'),
  }).map((query) => ({ ...query, documents: query.documents.map(titleOnly) }));
  const ids = new Map(queries.map(({ query, queryId }) => [keyOf(query, config), queryId]));
  assert(ids.size === queries.length, 'two judged queries are the same once normalised');
  const groups = (await ingest(present('clicks.jsonl.gz'), config)).map((group) => ({
    ...group,
    results: group.results.map(titleOnly),
  }));
  const queryIdOf = ({ queryKey: key }: Group): string => {
    const id = ids.get(key);
    assert(id !== undefined, 'the stream asks a query that nobody judged');
    return id;
  };
  return { queries, groups, queryIdOf };
}

/** As ingest makes it. */
export const keyOf = (query: string, config: Config): string =>
  queryKey(normalizeQuery(config.privacy.redact ? redact(query).text : query));

const titleOnly = <D extends Document>(document: D): D => ({ ...document, summary: '' });

function present(name: string): string {
  const file = sharedFile(`data/esci/${name}`);
  if (file !== null) return file;
  throw new RestillError('INPUT_UNREADABLE', `data/esci/${name} is absent; set RESTILL_SHARED and repeat`);
}

async function ingest(file: string, config: Config): Promise<Group[]> {
  const directory = mkdtempSync(join(tmpdir(), 'restill-quality-'));
  const store = emptyStore();
  const journal = new MemoryJournal(store, config);
  const source = await openRecordedSource([file], config.records);
  const deadLetters = await openDeadLetters(join(directory, 'dead-letters.jsonl'), 0);
  try {
    await lastValueFrom(openIngest({ config, source, journal, deadLetters }).progress$);
  } finally {
    await Promise.all([source.close(), deadLetters.close()]);
    rmSync(directory, { recursive: true });
  }
  return store.groups;
}
