// Judged queries from three text files: queries and documents as JSON lines, judgments as TSV or TREC qrels.
// The caller reads the files; every error names the file and the line. And the way back: TREC run lines.
import { z } from 'zod';
import type { Document } from '../contract.ts';
import { RestillError } from '../errors.ts';

/** A text file already split into lines. `name` is for messages. */
export interface TextFile {
  readonly name: string;
  readonly lines: Iterable<string>;
}

export interface JudgedDocument extends Document {
  readonly documentId: string;
}

/** One query with all documents that were judged for it, in the order of the judgments. */
export interface JudgedQuery {
  readonly queryId: string;
  readonly query: string;
  readonly documents: readonly JudgedDocument[];
  /** `grades[i]`, an integer from 0 (irrelevant), belongs to `documents[i]`. */
  readonly grades: readonly number[];
}

/** Grades above would make gains of 2^grade - 1 that nothing else counts against. */
export const gradeMax = 30;

// Ids stand in TREC run lines, which are split at white space.
const id = z.union([
  z.string().regex(/^\S+$/, 'expected an id without white space'),
  z.int().transform(String),
]);
const queryLine = z.object({ query_id: id, query: z.string() });
const documentLine = z.object({ doc_id: id, title: z.string(), summary: z.string().nullish() });

/**
 * Queries that have a judgment, in the order of the query file.
 *
 * - queries: `{"query_id": "q1", "query": "..."}` a line; further keys are ignored, here and in documents.
 * - documents: `{"doc_id": "d1", "title": "...", "summary": "..."}`; `summary` may be absent.
 * - judgments: `q1 <tab> d1 <tab> 3`, with or without the header `query_id doc_id grade`; or TREC's qrels.
 *
 * @throws RestillError INPUT_UNREADABLE for a line of the wrong form, an id that occurs twice, a pair judged
 *   twice and a judgment of an unknown query or document.
 */
export function judgedQueries(files: {
  readonly queries: TextFile;
  readonly documents: TextFile;
  readonly judgments: TextFile;
}): JudgedQuery[] {
  const documents = new Map<string, JudgedDocument>();
  for (const { at, value } of jsonLines(files.documents, documentLine)) {
    const { doc_id: documentId, title, summary } = value;
    if (documents.has(documentId)) throw unreadable(at, `document ${documentId} occurs a second time`);
    documents.set(documentId, { documentId, title, summary: summary ?? '' });
  }
  const queries = new Map<string, { query: string; grades: Map<string, number> }>();
  for (const { at, value } of jsonLines(files.queries, queryLine)) {
    if (queries.has(value.query_id)) throw unreadable(at, `query ${value.query_id} occurs a second time`);
    queries.set(value.query_id, { query: value.query, grades: new Map() });
  }
  for (const { at, queryId, documentId, grade } of judgmentLines(files.judgments)) {
    const query = queries.get(queryId);
    if (!query) throw unreadable(at, `query ${queryId} is not in ${files.queries.name}`);
    if (!documents.has(documentId))
      throw unreadable(at, `document ${documentId} is not in ${files.documents.name}`);
    if (query.grades.has(documentId))
      throw unreadable(at, `${queryId} and ${documentId} are judged a second time`);
    query.grades.set(documentId, grade);
  }
  return [...queries]
    .filter(([, { grades }]) => grades.size > 0)
    .map(([queryId, { query, grades }]) => ({
      queryId,
      query,
      documents: [...grades.keys()].map((documentId) => documents.get(documentId)!),
      grades: [...grades.values()],
    }));
}

/**
 * Lines `qid Q0 docid rank score tag` of a TREC run, best first, equal scores by document id, each ended by
 * a newline. Note that trec_eval ignores the rank column and breaks ties in its own way.
 */
export function formatTrecRun(
  queryId: string,
  scored: readonly { readonly documentId: string; readonly score: number }[],
  tag: string,
): string {
  return [...scored]
    .sort((x, y) => y.score - x.score || (x.documentId < y.documentId ? -1 : 1))
    .map(({ documentId, score }, i) => `${queryId} Q0 ${documentId} ${i + 1} ${score} ${tag}\n`)
    .join('');
}

function* jsonLines<T>(file: TextFile, schema: z.ZodType<T>): Generator<{ at: string; value: T }> {
  for (const { at, line } of numbered(file)) {
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch (cause) {
      throw unreadable(at, 'expected one JSON object a line', cause);
    }
    const parsed = schema.safeParse(json);
    if (!parsed.success) {
      const problems = parsed.error.issues.map(
        (issue) => `${issue.path.join('.') || 'line'}: ${issue.message}`,
      );
      throw unreadable(at, problems.join('; '));
    }
    yield { at, value: parsed.data };
  }
}

interface Judgment {
  readonly at: string;
  readonly queryId: string;
  readonly documentId: string;
  readonly grade: number;
}

function* judgmentLines(file: TextFile): Generator<Judgment> {
  let first = true;
  for (const { at, line } of numbered(file)) {
    const columns = line.trim().split(/\s+/);
    const isHeader = first && columns.join(' ') === 'query_id doc_id grade';
    first = false;
    if (isHeader) continue;
    if (columns.length !== 3 && columns.length !== 4)
      throw unreadable(at, `expected query id, document id and grade, found ${columns.length} column(s)`);
    const grade = columns.at(-1)!;
    if (!/^\d+$/.test(grade) || Number(grade) > gradeMax)
      throw unreadable(at, `expected a grade from 0 to ${gradeMax}, found "${grade}"`);
    yield { at, queryId: columns[0]!, documentId: columns.at(-2)!, grade: Number(grade) };
  }
}

function* numbered({ name, lines }: TextFile): Generator<{ at: string; line: string }> {
  let number = 0;
  for (const line of lines) {
    number++;
    if (line.trim() !== '') yield { at: `${name}:${number}`, line };
  }
}

const unreadable = (at: string, problem: string, cause?: unknown): RestillError =>
  new RestillError('INPUT_UNREADABLE', `${at}: ${problem}`, { cause });
