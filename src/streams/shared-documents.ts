// Documents come again on page after page, and every record brings its own copy of their texts. Here one copy
// is kept, so that open pages share strings, and so that a text is turned into bytes once. Only speed depends
// on it: the same records make the same groups and the same bytes without.
import type { Result } from '../contract.ts';

interface Known {
  readonly title: string;
  readonly summary: string;
  /** Title and summary as the journal stores them; made when first asked for. */
  bytes: Buffer | null;
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
    const { title, summary } = this.#find(result);
    return { position: result.position, documentId: result.documentId, title, summary };
  }

  /** `encode` of title and summary, remembered. The caller must not change the bytes. */
  bytesOf(
    document: Pick<Result, 'documentId' | 'title' | 'summary'>,
    encode: (texts: readonly [title: string, summary: string]) => Buffer,
  ): Buffer {
    const known = this.#find(document);
    known.bytes ??= encode([known.title, known.summary]);
    return known.bytes;
  }

  #find({ documentId, title, summary }: Pick<Result, 'documentId' | 'title' | 'summary'>): Known {
    const known = this.#known.get(documentId);
    if (known?.title === title && known.summary === summary) return known;
    if (this.#known.size >= this.#documentsMax) this.#known = new Map();
    const fresh = { title, summary, bytes: null };
    this.#known.set(documentId, fresh);
    return fresh;
  }
}
