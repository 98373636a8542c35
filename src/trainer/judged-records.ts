// Judged queries from a topic: one record a judgment, JSON
//   {"query": "...", "doc_id": "d1", "title": "...", "summary": "...", "grade": 3}
// with grades as in judged.ts; `summary` may be absent, further keys are ignored. The key, where there is
// one, names the judgment: a later record with it says something else, a tombstone takes it back.
//
// Invariants:
// 1. What comes out follows from the newest record of each key alone, so compaction changes nothing. Of two
//    keys for one document of one query the one written last counts.
// 2. At most `judgmentsMax` are held, the oldest are forgotten first (promise 11).
import { z } from 'zod';
import type { SourceRecord } from '../contract.ts';
import { hashHex } from '../hash.ts';
import { gradeMax, type JudgedDocument, type JudgedQuery } from './judged.ts';

const judgment = z.object({
  query: z.string().min(1),
  doc_id: z.union([z.string().min(1), z.int().transform(String)]),
  title: z.string(),
  summary: z.string().nullish(),
  grade: z.int().min(0).max(gradeMax),
});
type Judgment = z.infer<typeof judgment>;

export class JudgedRecords {
  readonly #judgmentsMax: number;
  /** By key; the newest last. */
  readonly #known = new Map<string, Judgment>();
  #unusable = 0;

  constructor(judgmentsMax: number) {
    this.#judgmentsMax = judgmentsMax;
  }

  /** Records that were no judgments. */
  get unusable(): number {
    return this.#unusable;
  }

  take({ key, value }: Pick<SourceRecord, 'key' | 'value'>): void {
    const name = key === null ? null : `key ${Buffer.from(key).toString('base64')}`;
    if (value === null && name !== null) return void this.#known.delete(name);
    const found = judgment.safeParse(parsed(value));
    if (!found.success) return void this.#unusable++;
    const { query, doc_id: documentId } = found.data;
    const place = name ?? JSON.stringify([query, documentId]);
    this.#known.delete(place);
    this.#known.set(place, found.data);
    if (this.#known.size > this.#judgmentsMax) this.#known.delete(this.#known.keys().next().value!);
  }

  /** By query, documents by id, whatever the order in which they came. */
  queries(): JudgedQuery[] {
    const queries = new Map<string, Map<string, { document: JudgedDocument; grade: number }>>();
    for (const { query, doc_id: documentId, title, summary, grade } of this.#known.values()) {
      const documents = queries.get(query) ?? new Map<string, { document: JudgedDocument; grade: number }>();
      documents.set(documentId, { document: { documentId, title, summary: summary ?? '' }, grade });
      queries.set(query, documents);
    }
    return [...queries].sort(byFirst).map(([query, documents]) => {
      const judged = [...documents].sort(byFirst).map(([, found]) => found);
      return {
        queryId: hashHex(query, 0),
        query,
        documents: judged.map(({ document }) => document),
        grades: judged.map(({ grade }) => grade),
      };
    });
  }
}

const byFirst = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : a > b ? 1 : 0);

function parsed(value: SourceRecord['value']): unknown {
  try {
    return JSON.parse(typeof value === 'string' ? value : Buffer.from(value ?? '').toString('utf8'));
  } catch {
    return null; // Counted, as any other that is none.
  }
}
