// Documents come again on page after page, and every record brings its own copy of their texts. Here one copy
// is kept, so that open pages share strings, and so that a document is turned into bytes and hashed once.
// Only speed depends on it: the same records make the same groups and the same bytes without.
import type { Config } from '../config.ts';
import type { Result } from '../contract.ts';
import { type Decoder, isEvent, openDecoder } from './decode.ts';
import { type DocumentTexts, packDocument, referenceOf } from './journal-format.ts';

/** A document as the journal stores it. */
export interface StoredDocument {
  readonly reference: string;
  /** Not to be changed. */
  readonly packed: Buffer;
  /** For the journal to note where it has put it last. */
  segment: number | null;
}

/**
 * Decodes records whose pages are held on to here. (Those that another thread has decoded share their strings
 * already: see event-columns.ts.)
 */
export function openSharingDecoder(config: Pick<Config, 'events' | 'topics' | 'records'>): Decoder {
  const documents = new SharedDocuments(config.records.documentsShared);
  const decode = openDecoder(config);
  return (record) => {
    const decoded = decode(record);
    if (!isEvent(decoded) || decoded.kind !== 'impression') return decoded;
    const results = decoded.results.map((result) => ('title' in result ? documents.share(result) : result));
    return { ...decoded, results };
  };
}

interface Known extends DocumentTexts {
  /** Made when first asked for. */
  stored: StoredDocument | null;
}

/** Holds at most `documentsMax` documents; a full one forgets all of them and begins anew. */
export class SharedDocuments {
  readonly #documentsMax: number;
  #known = new Map<string, Known>();

  constructor(documentsMax: number) {
    this.#documentsMax = documentsMax;
  }

  /** The result with the strings that earlier pages had, where they are equal. */
  share(result: Result): Result {
    const { documentId, title, summary } = this.#find(result);
    return { position: result.position, documentId, title, summary };
  }

  stored(document: DocumentTexts): StoredDocument {
    const known = this.#find(document);
    if (known.stored === null) {
      const packed = packDocument(document);
      known.stored = { reference: referenceOf(packed), packed, segment: null };
    }
    return known.stored;
  }

  #find({ documentId, title, summary }: DocumentTexts): Known {
    const known = this.#known.get(documentId);
    if (known?.title === title && known.summary === summary) return known;
    if (this.#known.size >= this.#documentsMax) this.#known = new Map();
    const fresh = { documentId, title, summary, stored: null };
    this.#known.set(documentId, fresh);
    return fresh;
  }
}
