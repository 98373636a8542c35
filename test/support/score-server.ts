// A scoring server in memory, as `fetch` sees it: answers as it is told to, one answer a request, and keeps
// what it was asked. A timer that goes on as soon as nothing else does takes the waiting out of retries.
import { type VirtualTimer, virtualTimer } from './virtual-timer.ts';

export interface Asked {
  readonly url: string;
  readonly method: string;
  readonly authorization: string | null;
  readonly body: Readonly<Record<string, unknown>> | null;
  /** When it was asked, on the virtual clock. */
  readonly atMs: number;
}

/** `hangs`: no answer until it is broken off. `unreachable`: as where nobody listens. */
export type Answer = Response | 'hangs' | 'unreachable';

export interface ScoreServer {
  readonly fetch: typeof globalThis.fetch;
  readonly asked: Asked[];
  readonly timer: VirtualTimer;
  /** Most requests at a time so far. */
  readonly busiest: () => number;
}

export function scoreServer(answer: (asked: Asked, number: number) => Answer): ScoreServer {
  const timer = virtualTimer();
  const asked: Asked[] = [];
  let open = 0;
  let busiest = 0;
  const fetch = async (url: string, { method, headers, body, signal }: RequestInit): Promise<Response> => {
    busiest = Math.max(busiest, ++open);
    try {
      const request: Asked = {
        url,
        method: method!,
        authorization: new Headers(headers).get('authorization'),
        body: typeof body === 'string' ? (JSON.parse(body) as Asked['body']) : null,
        atMs: timer.elapsed(),
      };
      asked.push(request);
      await new Promise((resolve) => setImmediate(resolve));
      const answered = answer(request, asked.length - 1);
      if (answered === 'unreachable')
        throw new TypeError('fetch failed', {
          cause: Object.assign(new Error('nobody'), { code: 'ECONNREFUSED' }),
        });
      if (answered !== 'hangs') return answered;
      return await new Promise((_, reject) => {
        const breakOff = (): void => reject(signal!.reason as Error);
        if (signal!.aborted) breakOff();
        else signal!.addEventListener('abort', breakOff);
      });
    } finally {
      open--;
    }
  };
  return { fetch: fetch as typeof globalThis.fetch, asked, timer, busiest: () => busiest };
}

export const json = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json' } });

/** What the promise comes to; the clock goes on, 50 ms at a time, whenever nothing else happens. */
export async function inVirtualTime<T>(timer: VirtualTimer, promise: Promise<T>): Promise<T> {
  let settled = false;
  const done = promise.finally(() => {
    settled = true;
  });
  done.catch(() => {}); // awaited below
  while (!settled) {
    for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
    timer.advance(50);
  }
  return done;
}
