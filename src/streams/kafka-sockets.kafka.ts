// The sockets of kafkajs 2.2.4, which gives up a request that is not answered in time, but not the connection
// that it went over: where the other end is gone without a word (a firewall's, a machine's), every later
// request goes the same way until the kernel notices, a quarter of an hour later.
import { createRequire } from 'node:module';
import type { ISocketFactory } from 'kafkajs';
import type { Timer } from '../clock.ts';

/** Milliseconds that a connection may take to say anything after it was asked something. */
export interface Patience {
  readonly usual: number;
  /** After a request to join a group: the answer waits for the other members. */
  readonly join: number;
}

export function socketsThatGiveUp(patience: Patience, timer: Timer): ISocketFactory {
  const require = createRequire(import.meta.url);
  const theirs = require('kafkajs/src/network/socketFactory.js') as () => ISocketFactory;
  const open = theirs();
  return (to) => {
    const socket = open(to);
    giveUp(socket, patience, timer);
    return socket;
  };
}

type Socket = ReturnType<ISocketFactory>;

/** Ends the connection with an error, on which kafkajs makes another one. */
function giveUp(socket: Socket, { usual, join }: Patience, timer: Timer): void {
  let cancel: (() => void) | null = null;
  const answered = (): void => {
    cancel?.();
    cancel = null;
  };
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  socket.write = (...args: unknown[]): boolean => {
    const ms = isJoin(args[0]) ? join : usual;
    cancel ??= timer.after(ms, () => {
      socket.destroy(new Error(`no answer for ${ms} ms`));
    });
    return write(...args);
  };
  socket.on('data', answered);
  socket.on('close', answered);
}

/** A request of Kafka's protocol begins with its length, int32, and its kind, int16. 11: JoinGroup. */
const isJoin = (request: unknown): boolean =>
  Buffer.isBuffer(request) && request.length >= 6 && request.readInt16BE(4) === 11;
