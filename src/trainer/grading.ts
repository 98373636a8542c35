// Who gives grades from elsewhere, as the trainer sees it, and how its work is cut up.
import type { Document } from '../contract.ts';
import { documentText } from '../tensor/texts.ts';

export interface Graded {
  readonly query: string;
  readonly document: Document;
}

/** Errors: TEACHER_UNREACHABLE, TEACHER_REFUSED. What is told of texts: nothing. */
export interface RemoteTeacher {
  /** What the scores depend on: another id is another teacher version. Null when aborted. */
  identify(signal: AbortSignal): Promise<string | null>;
  /** Raw scores, in the order given; yields while they arrive. Null when aborted. */
  grade(
    texts: readonly Graded[],
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly done: number; readonly of: number }, Float32Array | null>;
}

/** Documents of one query. */
export interface GradeRequest {
  readonly query: string;
  readonly documents: readonly string[];
  /** Where in the texts they stood. */
  readonly indices: readonly number[];
}

/** Query by query as they first come, at most `batch` documents each. */
export function gradeRequests(texts: readonly Graded[], batch: number): GradeRequest[] {
  const byQuery = new Map<string, number[]>();
  for (const [index, { query }] of texts.entries()) {
    const indices = byQuery.get(query);
    if (indices) indices.push(index);
    else byQuery.set(query, [index]);
  }
  return [...byQuery].flatMap(([query, all]) =>
    Array.from({ length: Math.ceil(all.length / batch) }, (_, part) => {
      const indices = all.slice(part * batch, (part + 1) * batch);
      return { query, indices, documents: indices.map((index) => documentText(texts[index]!.document)) };
    }),
  );
}
