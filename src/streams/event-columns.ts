// What records say, in columns, as it is handed from the thread that reads to the one that ingests. Objects
// are no cheaper to hand over than JSON is to parse; texts and numbers in long arrays are. And the texts of a
// document, most of what a page holds, are handed over once: after that, a page names them by number.
//
// Invariants:
// 1. What is unpacked, after a structured clone, piece by piece in order, is what was packed.
// 2. Both sides hold the texts of at most `documentsMax` documents, and those of one piece beyond that.
import type { ClickEvent, ImpressionEvent, Result, ResultReference } from '../contract.ts';
import { assert } from '../errors.ts';
import type { Decoded } from './decode.ts';

export interface EventColumns {
  /** The documents of the pieces before are to be forgotten: their numbers are given again. */
  readonly anew: boolean;
  /** Of each record its kind (see `kinds`), then what is number in it. */
  readonly numbers: Float64Array;
  /** In the order in which they are read. */
  readonly texts: readonly string[];
  /** What is neither impression nor click. */
  readonly others: readonly Decoded[];
}

/** In `numbers`. Clicks without a dwell are a kind of their own. */
const kinds = { other: 0, impression: 1, click: 2, clickWithoutDwell: 3 } as const;

/** Instead of a document's number, in `numbers`. */
const marks = { fresh: -1, reference: -2 } as const;

type Document = Pick<Result, 'documentId' | 'title' | 'summary'>;

/** The side that decodes. */
export class EventPacking {
  readonly #documentsMax: number;
  /** By id, as it was last handed over. */
  #known = new Map<string, Document & { readonly number: number }>();
  #count = 0;
  #numbers: number[] = [];
  #texts: string[] = [];
  #others: Decoded[] = [];

  constructor(documentsMax: number) {
    this.#documentsMax = documentsMax;
  }

  pack(piece: Iterable<Decoded>): EventColumns {
    const anew = this.#count >= this.#documentsMax;
    if (anew) {
      this.#known = new Map();
      this.#count = 0;
    }
    this.#numbers = [];
    this.#texts = [];
    this.#others = [];
    for (const said of piece) this.#add(said);
    return {
      anew,
      numbers: Float64Array.from(this.#numbers),
      texts: this.#texts,
      others: this.#others,
    };
  }

  #add(said: Decoded): void {
    if (said !== null && 'kind' in said) {
      if (said.kind === 'impression') return this.#addImpression(said);
      if (said.kind === 'click') return this.#addClick(said);
    }
    this.#numbers.push(kinds.other);
    this.#others.push(said);
  }

  #addImpression(event: ImpressionEvent): void {
    this.#numbers.push(kinds.impression, event.timeMs, event.results.length);
    this.#texts.push(event.impressionId, event.sessionId, event.userId, event.query);
    for (const result of event.results) this.#addResult(result);
  }

  #addClick(event: ClickEvent): void {
    const { dwellMs } = event;
    if (dwellMs === null) this.#numbers.push(kinds.clickWithoutDwell, event.timeMs);
    else this.#numbers.push(kinds.click, event.timeMs, dwellMs);
    this.#texts.push(event.impressionId, event.sessionId, event.userId, event.documentId);
  }

  #addResult(result: Result | ResultReference): void {
    const { position, documentId } = result;
    if (!('title' in result)) {
      this.#numbers.push(position, marks.reference);
      this.#texts.push(documentId);
      return;
    }
    const { title, summary } = result;
    const known = this.#known.get(documentId);
    if (known !== undefined && known.title === title && known.summary === summary) {
      this.#numbers.push(position, known.number);
      return;
    }
    this.#numbers.push(position, marks.fresh);
    this.#texts.push(documentId, title, summary);
    this.#known.set(documentId, { documentId, title, summary, number: this.#count++ });
  }
}

/** The side that ingests. Pages share the texts of a document. */
export class EventUnpacking {
  #documents: Document[] = [];

  /** Pieces must come in the order in which they were packed. */
  unpack(columns: EventColumns): Decoded[] {
    if (columns.anew) this.#documents = [];
    const reading = new Reading(columns, this.#documents);
    const said: Decoded[] = [];
    while (reading.hasMore) said.push(reading.next());
    return said;
  }
}

class Reading {
  readonly #columns: EventColumns;
  readonly #documents: Document[];
  #number = 0;
  #text = 0;
  #other = 0;

  constructor(columns: EventColumns, documents: Document[]) {
    this.#columns = columns;
    this.#documents = documents;
  }

  get hasMore(): boolean {
    return this.#number < this.#columns.numbers.length;
  }

  next(): Decoded {
    const kind = this.#nextNumber();
    if (kind === kinds.other) return this.#columns.others[this.#other++]!;
    if (kind === kinds.impression) return this.#impression();
    return this.#click(kind === kinds.click);
  }

  #impression(): ImpressionEvent {
    const timeMs = this.#nextNumber();
    const results = new Array<Result | ResultReference>(this.#nextNumber());
    const impressionId = this.#nextText();
    const sessionId = this.#nextText();
    const userId = this.#nextText();
    const query = this.#nextText();
    for (let index = 0; index < results.length; index++) results[index] = this.#result();
    return { kind: 'impression', timeMs, impressionId, sessionId, userId, query, results };
  }

  #click(hasDwell: boolean): ClickEvent {
    return {
      kind: 'click',
      timeMs: this.#nextNumber(),
      impressionId: this.#nextText(),
      sessionId: this.#nextText(),
      userId: this.#nextText(),
      documentId: this.#nextText(),
      dwellMs: hasDwell ? this.#nextNumber() : null,
    };
  }

  #result(): Result | ResultReference {
    const position = this.#nextNumber();
    const number = this.#nextNumber();
    if (number === marks.reference) return { position, documentId: this.#nextText() };
    if (number === marks.fresh)
      this.#documents.push({
        documentId: this.#nextText(),
        title: this.#nextText(),
        summary: this.#nextText(),
      });
    const { documentId, title, summary } = this.#documents[number < 0 ? this.#documents.length - 1 : number]!;
    return { position, documentId, title, summary };
  }

  #nextNumber(): number {
    return this.#columns.numbers[this.#number++]!;
  }

  #nextText(): string {
    const text = this.#columns.texts[this.#text++];
    assert(text !== undefined, 'a piece of events has fewer texts than it says');
    return text;
  }
}
