// A record's value -> an event, or a dead letter that says which field is wrong and how. By a mapping that is
// data (mapping.ts), or by `native`:
//   impression {type, ts, impression_id, session_id, user_id, query, results: [{position, doc_id, title,
// summary}]}
//   click      {type, ts, impression_id, session_id, user_id, doc_id, query?, position?, dwell_ms?}
// which is checked by hand, not by a schema library: this runs for every record of the topic. In a topic of
// documents (topics.documents) the key is the document's id, and the value what it says, or a tombstone.
//
// Invariants:
// 1. Never throws, whatever the bytes are (promise 9).
// 2. A detail names fields and types, never content (promise 12).
// 3. What is checked is what is used, and optional fields where they are there: unknown fields are ignored.
import { isUtf8 } from 'node:buffer';
import type { Config } from '../config.ts';
import type {
  ClickEvent,
  DeadLetter,
  Event,
  ImpressionEvent,
  Result,
  ResultReference,
  SourceRecord,
} from '../contract.ts';
import { compileDocument, compileMapping } from './mapping.ts';
import { sortByPosition } from './positions.ts';
import { documentMappingOf, mappingOf } from './presets.ts';
import { duration, identifier, type Problem, text, typeName, wholeNumber } from './problem.ts';

/** Null: none of the records that the mapping is about. */
export type Decoded = Event | DeadLetter | null;

export type Decoder = (record: SourceRecord) => Decoded;

export const isEvent = (decoded: Decoded): decoded is Event => decoded !== null && 'kind' in decoded;

/** The decoder that `events` and `topics` ask for. */
export function openDecoder({ events, topics: { documents } }: Pick<Config, 'events' | 'topics'>): Decoder {
  if (documents === null) return eventDecoder(events, false);
  const decodeEvent = eventDecoder(events, true);
  const decodeDocument = documentDecoder(events);
  return (record) => (record.topic === documents ? decodeDocument(record) : decodeEvent(record));
}

/** @param byId whether results may have no texts; a mapping says so itself. */
function eventDecoder(events: Config['events'], byId: boolean): Decoder {
  const mapping = mappingOf(events);
  if (mapping === null) return byId ? (record) => decodeNative(record, true) : decode;
  const readMapped = compileMapping(mapping);
  return (record) => {
    const value = parse(record.value);
    return decoded(record, typeof value === 'string' ? value : readMapped(value));
  };
}

function documentDecoder(events: Config['events']): Decoder {
  const readDocument = compileDocument(documentMappingOf(events));
  return (record) => {
    const { key } = record;
    const problem = identifier('key', key);
    if (problem !== null) return decoded(record, problem);
    const documentId = key as string;
    if (record.value === null) return { kind: 'removal', documentId };
    const value = parse(record.value);
    return decoded(record, typeof value === 'string' ? value : readDocument(value, documentId));
  };
}

/** By the mapping `native`. */
export const decode = (record: SourceRecord): Event | DeadLetter => decodeNative(record, false);

function decodeNative(record: SourceRecord, byId: boolean): Event | DeadLetter {
  const value = parse(record.value);
  return decoded(record, typeof value === 'string' ? value : read(value, byId));
}

const decoded = <E extends Event | null>(record: SourceRecord, event: E | Problem): E | DeadLetter =>
  typeof event === 'string' ? { record, reason: 'malformed', detail: event } : event;

type Fields = Record<string, unknown>;

function parse(value: SourceRecord['value']): Fields | Problem {
  if (value === null) return 'value: expected a JSON object, got a tombstone';
  if (typeof value !== 'string' && !isUtf8(value))
    return 'value: expected a JSON object, got bytes that are not UTF-8';
  let fields: unknown;
  try {
    fields = JSON.parse(typeof value === 'string' ? value : Buffer.from(value).toString('utf8'));
  } catch {
    // The engine's message quotes the value.
    return 'value: not JSON';
  }
  return typeName(fields) === 'object'
    ? (fields as Fields)
    : `value: expected an object, got ${typeName(fields)}`;
}

function read(fields: Fields, byId: boolean): Event | Problem {
  if (fields.type === 'impression') return commonProblem(fields) ?? readImpression(fields, byId);
  if (fields.type === 'click') return commonProblem(fields) ?? readClick(fields);
  const got = typeof fields.type === 'string' ? 'another string' : typeName(fields.type);
  return `type: expected "impression" or "click", got ${got}`;
}

const commonProblem = (fields: Fields): Problem | null =>
  wholeNumber('ts', fields.ts, 0) ??
  identifier('impression_id', fields.impression_id) ??
  identifier('session_id', fields.session_id) ??
  identifier('user_id', fields.user_id);

function readImpression(fields: Fields, byId: boolean): ImpressionEvent | Problem {
  const problem = text('query', fields.query);
  if (problem !== null) return problem;
  const results = readResults(fields.results, byId);
  if (typeof results === 'string') return results;
  return {
    kind: 'impression',
    timeMs: fields.ts as number,
    impressionId: fields.impression_id as string,
    sessionId: fields.session_id as string,
    userId: fields.user_id as string,
    query: fields.query as string,
    results,
  };
}

function readClick(fields: Fields): ClickEvent | Problem {
  const { query, position, dwell_ms: dwell } = fields;
  const problem =
    identifier('doc_id', fields.doc_id) ??
    (query === undefined ? null : text('query', query)) ??
    (position === undefined ? null : wholeNumber('position', position, 1)) ??
    (dwell === undefined || dwell === null ? null : duration('dwell_ms', dwell));
  if (problem !== null) return problem;
  return {
    kind: 'click',
    timeMs: fields.ts as number,
    impressionId: fields.impression_id as string,
    sessionId: fields.session_id as string,
    userId: fields.user_id as string,
    documentId: fields.doc_id as string,
    dwellMs: (dwell as number | null | undefined) ?? null,
  };
}

/** In the order shown: sorted by position where the producer did not. */
function readResults(value: unknown, byId: boolean): (Result | ResultReference)[] | Problem {
  if (!Array.isArray(value)) return `results: expected an array, got ${typeName(value)}`;
  const results: (Result | ResultReference)[] = [];
  let ascending = true;
  for (let index = 0; index < value.length; index++) {
    const result = readResult(value[index], index, byId);
    if (typeof result === 'string') return result;
    ascending &&= index === 0 || results[index - 1]!.position < result.position;
    results.push(result);
  }
  if (ascending) return results;
  return sortByPosition(results) ? results : 'results: expected distinct positions, got one twice';
}

function readResult(value: unknown, index: number, byId: boolean): Result | ResultReference | Problem {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `results[${index}]: expected an object, got ${typeName(value)}`;
  const { position, doc_id: documentId, title, summary } = value as Fields;
  const isReference = byId && title === undefined && summary === undefined;
  const problem =
    wholeNumber('position', position, 1) ??
    identifier('doc_id', documentId) ??
    (isReference ? null : (text('title', title) ?? text('summary', summary)));
  if (problem !== null) return `results[${index}].${problem}`;
  if (isReference) return { position: position as number, documentId: documentId as string };
  return {
    position: position as number,
    documentId: documentId as string,
    title: title as string,
    summary: summary as string,
  };
}
