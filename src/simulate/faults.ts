// Turns visits into the records of a topic, and spoils some as real streams are spoilt. Which fault each
// record has is known, and every record has at most one, so that what a reader finds can be checked.
import type { Random } from '../random.ts';
import type { FaultRates } from './options.ts';
import { type Page, sessionIdFor, type Visit, type Visitor } from './visits.ts';

/**
 * - `late`: a click whose record is written 30 to 900 s after it happened.
 * - `duplicate`: the second copy of an event, a moment after the first.
 * - `malformed`: cannot be decoded.
 * - `orphan`: a click on an impression that never comes.
 * - `bot`: an impression or click of the bot.
 */
export type Fault = 'late' | 'duplicate' | 'malformed' | 'orphan' | 'bot';

export interface TopicRecord {
  /** When the broker gets it. */
  readonly timestampMs: number;
  readonly key: string;
  readonly payload: string | null;
  readonly carries: 'impression' | 'click' | 'nothing';
  readonly fault: Fault | null;
}

/** What producers with a bug have been seen to send. */
const malformedPayloads: readonly (string | null)[] = [
  null,
  'null',
  '[]',
  '{',
  '\u0000\u0001',
  '{"type":"click"}',
  '{"type":"impression","impression_id":"x","ts":"soon","query":7}',
];

/** All records of a visit, and the strays that happen to come by during it. In no order. */
export function recordsOf(visit: Visit, rates: FaultRates, random: Random): TopicRecord[] {
  return visit.pages.flatMap((page) => {
    const own = eventsOf(visit, page).map((record) =>
      record.carries === 'click' && random.next() < rates.lateShare ? delayed(record, random) : record,
    );
    const copies = own
      .filter((record) => record.fault === null && random.next() < rates.duplicateShare)
      .map((record) => duplicateOf(record, random));
    return [...own, ...copies, ...strays(page, rates, random)];
  });
}

/** The impression and its clicks, as they happened. */
export function eventsOf({ sessionId, userId }: Visitor, page: Page): TopicRecord[] {
  const { impressionId, query, products } = page;
  const ids = { impression_id: impressionId, session_id: sessionId, user_id: userId, query: query.text };
  const results = products.map(({ documentId, title, summary }, i) => ({
    position: i + 1,
    doc_id: documentId,
    title,
    summary,
  }));
  const record = (timestampMs: number, payload: object, carries: 'impression' | 'click'): TopicRecord => ({
    timestampMs,
    key: sessionId,
    payload: JSON.stringify(payload),
    carries,
    fault: null,
  });
  return [
    record(page.timeMs, { type: 'impression', ts: page.timeMs, ...ids, results }, 'impression'),
    ...page.clicks.map(({ timeMs, position, dwellMs }) => {
      const doc_id = products[position - 1]!.documentId;
      const click = { type: 'click', ts: timeMs, ...ids, doc_id, position, dwell_ms: dwellMs };
      return record(timeMs, click, 'click');
    }),
  ];
}

const delayed = (record: TopicRecord, random: Random): TopicRecord => ({
  ...record,
  timestampMs: record.timestampMs + 30_000 + random.below(870_001),
  fault: 'late',
});

const duplicateOf = (record: TopicRecord, random: Random): TopicRecord => ({
  ...record,
  timestampMs: record.timestampMs + 1 + random.below(2_000),
  fault: 'duplicate',
});

function strays(page: Page, { malformedRate, orphanRate }: FaultRates, random: Random): TopicRecord[] {
  const strays: TopicRecord[] = [];
  const timestampMs = page.timeMs + random.below(30_000);
  const key = sessionIdFor(random);
  if (random.next() < malformedRate) {
    const payload = malformedPayloads[random.below(malformedPayloads.length)]!;
    strays.push({ timestampMs, key, payload, carries: 'nothing', fault: 'malformed' });
  }
  if (random.next() < orphanRate) {
    const ids = { impression_id: `lost-${page.impressionId}`, session_id: key, user_id: 'u00000' };
    const { text } = page.query;
    const [product] = page.products;
    const click = { type: 'click', ts: timestampMs, ...ids, query: text, doc_id: product!.documentId };
    const payload = JSON.stringify({ ...click, position: 1, dwell_ms: 12_000 });
    strays.push({ timestampMs, key, payload, carries: 'click', fault: 'orphan' });
  }
  return strays;
}
