// What documents say, for impressions that name them by id only. Part of the ingest state, so that a page's
// texts are a function of the records before it (promise 1).
//
// Invariants:
// 1. A page shows what the newest record of a document before the page's own said; nothing of one whose
//    newest record is a tombstone.
// 2. At most events.documents_max documents; the one changed longest ago is forgotten first (promise 11). So
//    a document that is sent again without a change keeps its place in that order, and costs no write.
import type { Config } from '../config.ts';
import type { DocumentEvent, RemovalEvent, Result, ResultReference } from '../contract.ts';
import { type Saved, SlotTable } from './slot-table.ts';

interface Texts {
  title: string;
  summary: string;
}

export class Catalogue {
  readonly table: SlotTable<Texts>;

  /** @throws RestillError JOURNAL_FOREIGN if a value was written in another format. */
  constructor({ events }: Pick<Config, 'events'>, saved: Saved) {
    const layout = { name: 'documents', table: 'documents', base: 0, pack, unpack } as const;
    this.table = new SlotTable<Texts>({ ...layout, capacity: events.documentsMax }, saved);
  }

  learn({ documentId, title, summary }: DocumentEvent): void {
    const known = this.table.get(documentId);
    if (known === undefined) {
      if (this.table.full) this.table.remove(this.table.oldest!);
      this.table.add(documentId, { title, summary });
    } else if (known.value.title !== title || known.value.summary !== summary) {
      Object.assign(known.value, { title, summary });
      this.table.renew(known);
    }
  }

  forget({ documentId }: RemovalEvent): void {
    const known = this.table.get(documentId);
    if (known !== undefined) this.table.remove(known);
  }

  /** The results with their texts, without those whose document is not known. */
  describe(results: readonly (Result | ResultReference)[]): Result[] {
    const described: Result[] = [];
    for (const result of results) {
      if ('title' in result) {
        described.push(result);
        continue;
      }
      const document = this.table.get(result.documentId)?.value;
      if (document !== undefined) described.push({ ...result, ...document });
    }
    return described;
  }
}

const pack = ({ title, summary }: Texts): readonly unknown[] => [title, summary];

function unpack(fields: readonly unknown[]): Texts {
  const [title, summary] = fields as [string, string];
  return { title, summary };
}
