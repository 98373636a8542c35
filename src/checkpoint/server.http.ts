// Asks a running server for the scores of golden texts.
import { RestillError } from '../errors.ts';
import type { GoldenVector } from './golden.ts';
import { type Answer, type Protocol, printable, questions, readAnswer } from './protocols.ts';

export interface ServerOptions {
  /** `http://localhost:8080`, with a path before the protocol's own where the server has one. */
  readonly url: string;
  readonly protocol: Protocol;
  /** Its name at the server. */
  readonly model: string;
  /** For one answer. */
  readonly timeoutMs: number;
  /** Bearer token; null: none. */
  readonly token: string | null;
}

/** An answer to eight texts has a few hundred bytes. */
const answerBytesMax = 1 << 20;

/**
 * One score for each vector, in its order, and the version that the server names.
 *
 * @throws RestillError `SERVER_UNREACHABLE`, `SERVER_UNSUITED`.
 */
export async function askServer(options: ServerOptions, golden: readonly GoldenVector[]): Promise<Answer> {
  const scores = golden.map(() => Number.NaN);
  let version: string | null = null;
  for (const { path, body, asks } of questions(options.protocol, golden, options.model)) {
    const { json, generation } = await post(options, path, body);
    const answer = readAnswer(options.protocol, json, asks.length);
    asks.forEach((index, i) => {
      scores[index] = answer.scores[i]!;
    });
    version = generation ?? answer.version ?? version;
  }
  return { scores, version };
}

interface Posted {
  readonly json: unknown;
  /** As `restill serve` names it; null from other servers. */
  readonly generation: string | null;
}

async function post(options: ServerOptions, path: string, body: object): Promise<Posted> {
  const url = `${options.url.replace(/\/+$/, '')}/${path}`;
  const headers = {
    'content-type': 'application/json',
    ...(options.token === null ? {} : { authorization: `Bearer ${options.token}` }),
  };
  const signal = AbortSignal.timeout(options.timeoutMs);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      redirect: 'manual', // what follows would be another server, and the token is not for it
      signal,
    });
    text = await boundedText(response);
  } catch (cause) {
    throw unreachable(url, cause);
  }
  if (!response.ok)
    throw new RestillError(
      response.status >= 500 || response.status === 429 ? 'SERVER_UNREACHABLE' : 'SERVER_UNSUITED',
      `${url} answers ${response.status} (${printable(text)}); check the address, --protocol and --model`,
    );
  const generation = response.headers.get('restill-generation');
  try {
    return { json: JSON.parse(text), generation: generation && printable(generation) };
  } catch (cause) {
    throw new RestillError('SERVER_UNSUITED', `${url} answers no JSON; check the address`, { cause });
  }
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > answerBytesMax) throw new Error(`more than ${answerBytesMax} bytes`);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function unreachable(url: string, error: unknown): RestillError {
  const { cause = error } = error as { cause?: unknown };
  const { code, message } = cause as { code?: string; message?: string };
  return new RestillError(
    'SERVER_UNREACHABLE',
    `${url} does not answer (${printable(message || code || String(error))}); is it running? ` +
      '--timeout gives it more time',
    { cause: error },
  );
}
