// A model server on localhost that computes with a real exported student, in any of the protocols, and makes
// the mistakes that it is told to make.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { openServedStudent } from '../../src/checkpoint/student.tf.ts';
import type { EncodedPair } from '../../src/contract.ts';
import { openModelDirectory } from '../../src/tensor/model-directory.fs.ts';
import { openTokenizer } from '../../src/tensor/tokenizer.ts';
import { backend } from './tensor.ts';

export interface Mistakes {
  /** Segment 0 for the document. */
  readonly segmentsZeroed?: boolean;
  /** Instead of the end. */
  readonly cutsLeft?: boolean;
  /** Takes tokens off whichever text is longer. */
  readonly cutsLongest?: boolean;
  readonly swaps?: boolean;
  readonly tokensMax?: number;
  /** How often a sigmoid is applied; by default as often as the protocol has it. */
  readonly sigmoids?: number;
  /** As Triton names it. */
  readonly version?: string;
  /** A tokenizer that knows nothing. */
  readonly unknownOnly?: boolean;
  /** Instead of an answer. */
  readonly answers?: { readonly status: number; readonly body: string };
  readonly neverAnswers?: boolean;
}

/** @param directory a Hugging Face export. @returns its address; it is gone when the test is over. */
export async function modelServer(directory: string, mistakes: Mistakes = {}): Promise<string> {
  const model = openModelDirectory(directory, { seed: 1, layers: null });
  if (model.family !== 'bert') throw new Error('no student');
  const student = openServedStudent(backend, model.config, model.weights, 'float32');
  const read = reader(openTokenizer(model.tokenizer, model.tokenizerConfig), mistakes);
  const scores = (pairs: readonly EncodedPair[], sigmoids: number): number[] =>
    [...student.score(pairs)].map((x) => applied(mistakes.sigmoids ?? sigmoids, x));
  const server = createServer((request, response) => {
    if (mistakes.neverAnswers) return;
    if (mistakes.answers) return response.writeHead(mistakes.answers.status).end(mistakes.answers.body);
    void bodyOf(request).then((body) => {
      const answer = answerTo(request.url!, body, { read, scores, version: mistakes.version ?? '1' });
      response.writeHead(answer ? 200 : 404).end(JSON.stringify(answer ?? { error: 'no such path' }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    student.dispose();
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const applied = (times: number, x: number): number =>
  times === 0 ? x : applied(times - 1, 1 / (1 + Math.exp(-x)));

async function bodyOf(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as Body;
}

/** Whatever of the protocols' requests there is. */
interface Body {
  readonly query: string;
  readonly queries: string;
  readonly texts: readonly string[];
  readonly documents: readonly string[];
  readonly raw_scores?: boolean;
  readonly use_activation?: boolean;
  readonly inputs: readonly {
    readonly name: string;
    readonly shape: [number, number];
    readonly data: number[];
  }[];
  readonly instances: readonly Readonly<Record<string, number[]>>[];
}

type Read = (query: string, document: string) => EncodedPair;

interface Student {
  readonly read: Read;
  readonly scores: (pairs: readonly EncodedPair[], sigmoids: number) => number[];
  readonly version: string;
}

function answerTo(path: string, body: Body, { read, scores, version }: Student): object | null {
  const texts = (query: string, documents: readonly string[], sigmoids: number, key: string) =>
    scores(
      documents.map((document) => read(query, document)),
      sigmoids,
    )
      .map((score, index) => ({ index, [key]: score }))
      .sort((a, b) => b[key]! - a[key]!);
  if (path === '/rerank') return texts(body.query, body.texts, body.raw_scores ? 0 : 1, 'score');
  if (path === '/v1/rerank') return { results: texts(body.query, body.documents, 1, 'relevance_score') };
  if (path === '/score')
    return { data: texts(body.queries, body.documents, body.use_activation ? 1 : 0, 'score') };
  if (path === '/v1/models/student:predict')
    return { predictions: scores(body.instances.map(unpadded), 0).map((score) => [score]) };
  if (path !== '/v2/models/student/infer') return null;
  const [rows, columns] = body.inputs[0]!.shape;
  const row = (name: string, i: number) =>
    body.inputs.find((input) => input.name === name)!.data.slice(i * columns, (i + 1) * columns);
  const pairs = Array.from({ length: rows }, (_, i) =>
    unpadded(
      Object.fromEntries(
        ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => [name, row(name, i)]),
      ),
    ),
  );
  return { model_version: version, outputs: [{ name: 'logits', data: scores(pairs, 0) }] };
}

function unpadded(row: Readonly<Record<string, number[]>>): EncodedPair {
  const length = row.attention_mask!.reduce((sum, one) => sum + one, 0);
  const real = (name: string) => Int32Array.from(row[name]!.slice(0, length));
  return { ids: real('input_ids'), segments: real('token_type_ids') };
}

/** Written anew, not taken from what it tests. */
function reader(tokenizer: ReturnType<typeof openTokenizer>, mistakes: Mistakes): Read {
  const { classify, separate, unknown } = tokenizer.special;
  return (query, document) => {
    const encode = (text: string) =>
      [...tokenizer.encode(text)].map((id) => (mistakes.unknownOnly ? unknown! : id));
    const [first, second] = (mistakes.swaps ? [document, query] : [query, document]).map(encode);
    const room = (mistakes.tokensMax ?? 24) - 3;
    const [one, other] = [first!, second!];
    while (mistakes.cutsLongest && one.length + other.length > room)
      (one.length > other.length ? one : other).pop();
    while (one.length > room - Math.min(1, other.length)) one.pop();
    while (one.length + other.length > room) {
      if (mistakes.cutsLeft) other.shift();
      else other.pop();
    }
    const ids = Int32Array.of(classify!, ...one, separate!, ...other, separate!);
    const segments = new Int32Array(ids.length);
    if (!mistakes.segmentsZeroed) segments.fill(1, one.length + 2);
    return { ids, segments };
  };
}
