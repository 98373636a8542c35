// A mapping, which is data, made into a function from a record's fields to an event. Compiled once: a record
// costs its getters.
//
// Invariants, as of decode.ts:
// 1. Never throws, whatever the fields are (promise 9).
// 2. A problem names paths and types, never content (promise 12).
// Identifiers may be whole numbers as well as strings: 7 and "7" are the same. A missing summary is empty.
import type { Mapping } from '../config-events.ts';
import type {
  ClickEvent,
  DocumentEvent,
  Event,
  ImpressionEvent,
  Result,
  ResultReference,
} from '../contract.ts';
import { assert } from '../errors.ts';
import { type Getter, getterOf, type JsonPath, parsePath } from '../json-path.ts';
import { sortByPosition } from './positions.ts';
import { duration, identifier, type Problem, text, typeName, wholeNumber } from './problem.ts';
import { type TimeFormat, timeFormats, timeMsOf } from './timestamps.ts';

/** Null: the record is of none of the kinds, and `others` says that it does not matter. */
export type MappedReader = (fields: unknown) => Event | Problem | null;

export function compileMapping({ impression, click, document, others }: Mapping): MappedReader {
  const kinds = [
    { fits: conditionOf(impression.when), read: impressionReader(impression) },
    { fits: conditionOf(click.when), read: clickReader(click) },
    ...(document === null ? [] : [{ fits: conditionOf(document.when), read: documentReader(document) }]),
  ];
  return (fields) => {
    const kind = kinds.find(({ fits }) => fits(fields));
    if (kind === undefined) return others === 'ignore' ? null : 'value: of no kind that events.mapping names';
    const reading = new Reading();
    const event = kind.read(fields, reading);
    return reading.problem ?? event;
  };
}

/** Of a topic of documents: `key` is the document's id, so one in its fields must be the same. */
export function compileDocument(mapping: NonNullable<Mapping['document']>) {
  const inside = fieldOf(mapping.documentId);
  const texts = textsReader(mapping);
  return (fields: unknown, key: string): DocumentEvent | Problem => {
    const id = inside.get(fields) ?? key;
    if (String(id) !== key)
      return `key: expected the document's id, as in ${inside.path}, got another string`;
    const reading = new Reading();
    const document = { kind: 'document', documentId: key, ...texts(fields, reading) } as const;
    return reading.problem ?? document;
  };
}

/** A place in a record, or in each element of its results. Problems call it by its path. */
interface Field {
  readonly path: string;
  readonly get: Getter;
}

function fieldOf(path: string): Field {
  const { head, tail } = parsed(path);
  assert(tail === null, `${path} leads to a list`);
  return { path, get: getterOf(head) };
}

function elementFieldOf(path: string): Field {
  const { tail } = parsed(path);
  assert(tail !== null, `${path} leads to one value`);
  return { path, get: getterOf(tail) };
}

function parsed(path: string): JsonPath {
  const steps = parsePath(path);
  assert(steps !== null, `${path} is no path, and the configuration let it pass`);
  return steps;
}

function conditionOf({ path, is }: Mapping['click']['when']): (fields: unknown) => boolean {
  const { get } = fieldOf(path);
  if (is === null) return (fields) => (get(fields) ?? null) !== null;
  const values = new Set<unknown>(is);
  return (fields) => values.has(get(fields));
}

/** Takes values out of one record, and keeps the first problem. What comes back after one is of no use. */
class Reading {
  problem: Problem | null = null;
  /** Of the result at hand: stands in a problem's path for the `*`. */
  index = 0;

  identifier({ path, get }: Field, from: unknown): string {
    const value = get(from);
    const id = Number.isSafeInteger(value) ? String(value) : value;
    this.note(identifier(path, id));
    return id as string;
  }

  text({ path, get }: Field, from: unknown): string {
    const value = get(from);
    this.note(text(path, value));
    return value as string;
  }

  textOrNone({ path, get }: Field, from: unknown): string {
    const value = get(from) ?? '';
    this.note(text(path, value));
    return value as string;
  }

  position({ path, get }: Field, from: unknown): number {
    const value = get(from);
    this.note(wholeNumber(path, value, 1));
    return value as number;
  }

  timeMs({ path, get }: Field, format: TimeFormat, from: unknown): number {
    const value = get(from);
    const timeMs = timeMsOf(value, format);
    if (timeMs !== null) return timeMs;
    const isClose = typeof value === 'number' || typeof value === 'string';
    const got = isClose ? `another ${typeof value}` : typeName(value);
    this.note(`${path}: expected ${timeFormats[format]}, got ${got}`);
    return 0;
  }

  /** Milliseconds; null where there is nothing. */
  dwellMs({ path, get }: Field, msPerUnit: number, from: unknown): number | null {
    const value = get(from) ?? null;
    if (value === null) return null;
    this.note(duration(path, value));
    return (value as number) * msPerUnit;
  }

  list({ path, get }: Field, from: unknown): readonly unknown[] {
    const value = get(from);
    if (Array.isArray(value)) return value;
    this.note(`${path}: expected an array, got ${typeName(value)}`);
    return [];
  }

  note(problem: Problem | null): void {
    if (problem !== null) this.problem ??= problem.replace('[*]', `[${this.index}]`);
  }
}

type Reader<E extends Event> = (fields: unknown, reading: Reading) => E;

/** What impressions and clicks have in common. */
function occurrenceReader({ time, ...ids }: Mapping['impression'] | Mapping['click']) {
  const timeField = fieldOf(time.path);
  const impressionId = fieldOf(ids.impressionId);
  const sessionId = fieldOf(ids.sessionId);
  const userId = fieldOf(ids.userId);
  return (fields: unknown, reading: Reading) => ({
    timeMs: reading.timeMs(timeField, time.format, fields),
    impressionId: reading.identifier(impressionId, fields),
    sessionId: reading.identifier(sessionId, fields),
    userId: reading.identifier(userId, fields),
  });
}

function impressionReader(mapping: Mapping['impression']): Reader<ImpressionEvent> {
  const occurrence = occurrenceReader(mapping);
  const query = fieldOf(mapping.query);
  const results = resultsReader(mapping.results);
  return (fields, reading) => ({
    kind: 'impression',
    ...occurrence(fields, reading),
    query: reading.text(query, fields),
    results: results(fields, reading),
  });
}

function clickReader(mapping: Mapping['click']): Reader<ClickEvent> {
  const occurrence = occurrenceReader(mapping);
  const documentId = fieldOf(mapping.documentId);
  const dwell = mapping.dwell && fieldOf(mapping.dwell.path);
  const msPerUnit = mapping.dwell?.unit === 's' ? 1000 : 1;
  return (fields, reading) => ({
    kind: 'click',
    ...occurrence(fields, reading),
    documentId: reading.identifier(documentId, fields),
    dwellMs: dwell && reading.dwellMs(dwell, msPerUnit, fields),
  });
}

function documentReader(mapping: NonNullable<Mapping['document']>): Reader<DocumentEvent> {
  const documentId = fieldOf(mapping.documentId);
  const texts = textsReader(mapping);
  return (fields, reading) => ({
    kind: 'document',
    documentId: reading.identifier(documentId, fields),
    ...texts(fields, reading),
  });
}

function textsReader(mapping: NonNullable<Mapping['document']>) {
  const title = fieldOf(mapping.title);
  const summary = mapping.summary === null ? null : fieldOf(mapping.summary);
  return (fields: unknown, reading: Reading) => ({
    title: reading.text(title, fields),
    summary: summary === null ? '' : reading.textOrNone(summary, fields),
  });
}

function resultsReader({ documentId, ...paths }: Mapping['impression']['results']) {
  const whole = documentId.slice(0, documentId.indexOf('[*]'));
  const array: Field = { path: whole, get: getterOf(parsed(documentId).head) };
  const id = elementFieldOf(documentId);
  const position = paths.position && elementFieldOf(paths.position);
  const title = paths.title && elementFieldOf(paths.title);
  const summary = paths.summary && elementFieldOf(paths.summary);

  const resultOf = (element: unknown, index: number, reading: Reading): Result | ResultReference => {
    reading.index = index;
    const reference: ResultReference = {
      position: position ? reading.position(position, element) : index + 1,
      documentId: reading.identifier(id, element),
    };
    if (!title) return reference;
    return {
      ...reference,
      title: reading.text(title, element),
      summary: summary ? reading.textOrNone(summary, element) : '',
    };
  };

  return (fields: unknown, reading: Reading): (Result | ResultReference)[] => {
    const results = reading.list(array, fields).map((element, index) => resultOf(element, index, reading));
    if (position && !sortByPosition(results))
      reading.note(`${whole}: expected distinct positions, got one twice`);
    return results;
  };
}
