// What a builder hands over to the trainer: what its part of the join found out (see `Outlet`), as messages.
// Format 1, JSON, a message each:
//   [1, "issued", query key, hash of the user]
//   [1, "closed" | "corrected", impression id, [visit], [page]]: see packVisit and packPage of visit.ts
// The message's timestamp is that of the record it came of, its partition likewise; its key says the settings
// of the builder (settingsOf).
import type { DeadLetter, SourceRecord } from '../contract.ts';
import { type Page, packPage, packVisit, unpackPage, unpackVisit, type Visit } from './visit.ts';

const version = 1;

export type Handover =
  | { readonly kind: 'issued'; readonly queryKey: string; readonly user: string }
  | {
      readonly kind: 'closed' | 'corrected';
      readonly impressionId: string;
      readonly visit: Visit;
      readonly page: Page;
    };

export function encodeHandover(handover: Handover): string {
  if (handover.kind === 'issued')
    return JSON.stringify([version, handover.kind, handover.queryKey, handover.user]);
  const { kind, impressionId, visit, page } = handover;
  return JSON.stringify([version, kind, impressionId, packVisit(visit), packPage(page)]);
}

/** Never throws: what no builder wrote becomes a dead letter (promise 9). */
export function decodeHandover(record: SourceRecord): Handover | DeadLetter {
  const problem = (detail: string): DeadLetter => ({ record, reason: 'malformed', detail });
  if (typeof record.value !== 'string') return problem('not text: nothing that a builder writes');
  let fields: unknown;
  try {
    fields = JSON.parse(record.value);
  } catch {
    return problem('not JSON: nothing that a builder writes'); // The engine's message quotes the text.
  }
  if (!Array.isArray(fields)) return problem('no list: nothing that a builder writes');
  const [format, kind, ...rest] = fields as unknown[];
  if (format !== version)
    return problem(
      `format ${Number(format)}, expected ${version}: let builders and trainer be of one version`,
    );
  if (kind === 'issued' && rest.length === 2 && rest.every((text) => typeof text === 'string')) {
    const [queryKey, user] = rest as [string, string];
    return { kind, queryKey, user };
  }
  const [impressionId, visit, page] = rest;
  const isPage = typeof impressionId === 'string' && isVisit(visit) && isListWith(page, 1, 4);
  if ((kind === 'closed' || kind === 'corrected') && rest.length === 3 && isPage)
    return {
      kind,
      impressionId,
      visit: unpackVisit(visit as unknown[]),
      page: unpackPage(page as unknown[]),
    };
  return problem('of no kind that a builder writes');
}

/** Eight fields, then four numbers for each click. */
const isVisit = (fields: unknown): boolean =>
  isListWith(fields, 8, 4) &&
  typeof (fields as unknown[])[0] === 'string' &&
  (fields as unknown[]).slice(8).every((field) => typeof field === 'number');

const isListWith = (fields: unknown, head: number, each: number): boolean =>
  Array.isArray(fields) && fields.length >= head && (fields.length - head) % each === 0;
