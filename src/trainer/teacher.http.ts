// A remote teacher: scores from a server that speaks vLLM's /score or Text Embeddings Inference's /rerank.
//
// Invariants:
// 1. At most `concurrency` requests at a time, each at most `timeout` long and `retries_max` times repeated,
//    all of a call at most `deadline` long; answers at most `answerBytesMax` (promise 11).
// 2. Neither errors nor logs hold a text, the token or what the server answered (promise 12).
// 3. Aborted, it sends nothing more, and what is under way is broken off.
import type { Timer } from '../clock.ts';
import type { RemoteTeacherConfig } from '../config-teacher.ts';
import { RestillError } from '../errors.ts';
import { type Random, randomFor } from '../random.ts';
import { admit, backoffMs, closed, failed } from './breaker.ts';
import { type Graded, type GradeRequest, gradeRequests, type RemoteTeacher } from './grading.ts';
import { scoreApis } from './score-api.ts';

export interface RemoteTeacherParts {
  readonly settings: RemoteTeacherConfig;
  readonly token: string | null;
  readonly timer: Timer;
  readonly fetch: typeof globalThis.fetch;
}

/** A score is a few dozen bytes. */
const answerBytesMax = 8 * 1024 * 1024;

export function openRemoteTeacher(parts: RemoteTeacherParts): RemoteTeacher {
  return new HttpTeacher(parts);
}

/** Why a request came to nothing. */
type Failure = { readonly retriable: boolean; readonly why: string; readonly cause?: unknown };

class HttpTeacher implements RemoteTeacher {
  readonly #parts: RemoteTeacherParts;
  readonly #api: (typeof scoreApis)['vllm'];
  #breaker = closed;
  /** Of the back-off only: what is learnt does not depend on it. */
  readonly #random: Random = randomFor(0, 'remote-teacher');
  #model: string | null;

  constructor(parts: RemoteTeacherParts) {
    this.#parts = parts;
    this.#api = scoreApis[parts.settings.api];
    this.#model = parts.settings.model;
  }

  async identify(signal: AbortSignal): Promise<string | null> {
    const { model } = this.#parts.settings;
    if (model !== null) return model;
    return this.#unlessAborted(signal, async (within) => {
      const answer = await this.#ask(this.#api.identity, null, within);
      const found = this.#api.modelOf(answer);
      if (found === null) throw this.#refused(this.#api.identity, 'it does not say which model it serves');
      this.#model = found;
      return found;
    });
  }

  async *grade(
    texts: readonly Graded[],
    signal: AbortSignal,
  ): AsyncGenerator<{ done: number; of: number }, Float32Array | null> {
    const { settings } = this.#parts;
    const requests = gradeRequests(texts, settings.batch);
    const scores = new Float32Array(texts.length);
    const inFlight = new Set<Promise<void>>();
    const over = new AbortController();
    const callOff = this.#parts.timer.after(settings.deadline, () => over.abort(this.#tooLate()));
    const within = AbortSignal.any([signal, over.signal]);
    // Kept apart: a race that a success wins in the same moment would lose it.
    const failures: Error[] = [];
    let sent = 0;
    let done = 0;
    try {
      while (done < requests.length) {
        for (; inFlight.size < settings.concurrency && sent < requests.length; sent++) {
          const work: Promise<void> = this.#score(requests[sent]!, scores, within)
            .catch((error: Error) => {
              failures.push(error);
            })
            .finally(() => {
              inFlight.delete(work);
              done++;
            });
          inFlight.add(work);
        }
        await Promise.race(inFlight);
        if (failures[0] !== undefined) throw failures[0];
        yield { done, of: requests.length };
      }
      return scores;
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    } finally {
      callOff();
      over.abort();
    }
  }

  async #score(request: GradeRequest, out: Float32Array, signal: AbortSignal): Promise<void> {
    const { query, documents, indices } = request;
    const body = this.#api.body(query, documents, this.#model ?? '');
    const answer = await this.#ask(this.#api.path, body, signal);
    const scores = this.#api.scoresOf(answer, documents.length);
    if (scores === null)
      throw this.#refused(this.#api.path, 'it does not answer with one finite score for each document');
    for (const [at, index] of indices.entries()) out[index] = scores[at]!;
  }

  /** The answer's JSON, after as many attempts as it takes and may take. */
  async #ask(path: string, body: object | null, signal: AbortSignal): Promise<unknown> {
    const { settings, timer } = this.#parts;
    for (let retry = 0; ; retry++) {
      await this.#admitted(signal);
      const outcome = await this.#attempt(path, body, signal);
      if ('answer' in outcome) {
        this.#breaker = closed;
        return outcome.answer;
      }
      signal.throwIfAborted();
      if (!outcome.retriable) throw this.#refused(path, outcome.why, outcome.cause);
      this.#breaker = failed(this.#breaker, timer.elapsed(), settings);
      if (retry === settings.retriesMax) throw this.#unreachable(path, outcome);
      await pause(timer, backoffMs(retry, settings, this.#random), signal);
    }
  }

  async #admitted(signal: AbortSignal): Promise<void> {
    const { settings, timer } = this.#parts;
    for (;;) {
      signal.throwIfAborted();
      const { breaker, waitMs } = admit(this.#breaker, timer.elapsed(), settings);
      this.#breaker = breaker;
      if (waitMs === 0) return;
      await pause(timer, waitMs, signal);
    }
  }

  async #attempt(
    path: string,
    body: object | null,
    signal: AbortSignal,
  ): Promise<{ answer: unknown } | Failure> {
    const { settings, token, timer, fetch } = this.#parts;
    const slow = new AbortController();
    const callOff = timer.after(settings.timeout, () => slow.abort());
    try {
      const response = await fetch(`${settings.url.replace(/\/+$/, '')}${path}`, {
        method: body === null ? 'GET' : 'POST',
        headers: {
          'user-agent': 'restill',
          ...(body === null ? {} : { 'content-type': 'application/json' }),
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(body === null ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, slow.signal]),
      });
      if (response.ok) return await readAnswer(response);
      await response.body?.cancel();
      return { retriable: isPassing(response.status), why: `it answers ${response.status}` };
    } catch (cause) {
      if (slow.signal.aborted) return { retriable: true, why: `no answer within ${settings.timeout} ms` };
      return { retriable: true, why: reasonOf(cause), cause };
    } finally {
      callOff();
    }
  }

  async #unlessAborted<T>(signal: AbortSignal, work: (within: AbortSignal) => Promise<T>): Promise<T | null> {
    try {
      return await work(signal);
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
  }

  #refused(path: string, why: string, cause?: unknown): RestillError {
    const { url, api } = this.#parts.settings;
    return new RestillError(
      'TEACHER_REFUSED',
      `the remote teacher at ${url}${path} cannot be used: ${why}; check teacher.remote: that it is a ` +
        `${api} server, ` +
        'that it serves a reranker by this name, its token, and that it takes batches of this size',
      { cause },
    );
  }

  #unreachable(path: string, { why, cause }: Failure): RestillError {
    const { url, retriesMax } = this.#parts.settings;
    return new RestillError(
      'TEACHER_UNREACHABLE',
      `the remote teacher at ${url}${path} fails: ${why}, ${retriesMax + 1} times; see to the server`,
      { cause },
    );
  }

  #tooLate(): RestillError {
    const { url, deadline } = this.#parts.settings;
    return new RestillError(
      'TEACHER_UNREACHABLE',
      `the remote teacher at ${url} has not scored a turn within teacher.remote.deadline (${deadline} ms); ` +
        'give it more time, more concurrency, or a faster server',
    );
  }
}

/** Overloaded, starting up, or a proxy in between: what is refused now may be done in a moment. */
const isPassing = (status: number): boolean =>
  status === 408 || status === 425 || status === 429 || status >= 500;

async function readAnswer(response: Response): Promise<{ answer: unknown } | Failure> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > answerBytesMax)
      return { retriable: false, why: `it answers with more than ${answerBytesMax} bytes` };
    chunks.push(chunk as Uint8Array);
  }
  try {
    return { answer: JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown };
  } catch {
    return { retriable: false, why: 'it does not answer in JSON' }; // the engine's message quotes the answer
  }
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as { cause?: unknown };
  const { code, message } = cause as { code?: string; message?: string };
  return code || message || String(error);
}

/** Rejects when aborted. */
function pause(timer: Timer, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = (): void => {
      callOff();
      reject(signal.reason as Error);
    };
    const callOff = timer.after(ms, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
