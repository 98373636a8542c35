// A door on a free port with a small ranker behind it; closed when the test is over.
import { onTestFinished } from 'vitest';
import { Board } from '../../src/board.ts';
import { systemClock, type Timer } from '../../src/clock.ts';
import { parseConfig } from '../../src/config.ts';
import { type Door, openDoor } from '../../src/serving/door.http.ts';
import type { Ranker } from '../../src/serving/ports.ts';
import type { LogEvent, LogFields } from '../../src/telemetry.ts';
import { SmallRanker } from './small-ranker.ts';

export interface OpenedDoor<R extends Ranker> {
  readonly door: Door;
  readonly url: string;
  readonly port: number;
  readonly ranker: R;
  readonly board: Board;
  /** What was logged. */
  readonly log: readonly (readonly [LogEvent, LogFields | undefined])[];
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Null where it is none. */
  readonly json: unknown;
}

export interface DoorOptions<R extends Ranker> {
  readonly token?: string;
  readonly timer?: Timer;
  /** A small one unless another is given. */
  readonly ranker?: R;
}

/** @param settings of the section `serve`, as in yaml. */
export async function openTestDoor<R extends Ranker = SmallRanker>(
  settings: object = {},
  options: DoorOptions<R> = {},
): Promise<OpenedDoor<R>> {
  const { timer = systemClock, token = null } = options;
  const ranker = options.ranker ?? (new SmallRanker() as Ranker as R);
  const board = new Board();
  const log: [LogEvent, LogFields | undefined][] = [];
  const note = (event: LogEvent, fields?: LogFields): void => void log.push([event, fields]);
  const door = await openDoor({
    config: parseConfig({ serve: { port: 0, ...settings } }).serve,
    ...{ token, ranker, board, timer, version: '0.0.0', beside: [], log: { info: note, error: note } },
    metrics: async () => ({ type: 'text/plain', text: 'figures\n' }),
  });
  onTestFinished(async () => {
    if (ranker instanceof SmallRanker) ranker.release();
    await door.close(0);
    await ranker.close();
  });
  const url = door.address;
  const ask = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, init);
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: jsonOf(text) };
  };
  return {
    ...{ door, url, ranker, board, log, port: Number(new URL(url).port) },
    get: (path, headers = {}) => ask(path, { headers }),
    post: (path, body, headers = {}) =>
      ask(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
