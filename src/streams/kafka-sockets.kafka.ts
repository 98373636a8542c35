// The sockets of kafkajs 2.2.4, which gives up a request that is not answered in time, but not the connection
// that it went over: where the other end is gone without a word (a firewall's, a machine's), every later
// request goes the same way until the kernel notices, a quarter of an hour later. And which, told to
// disconnect while a broker is away or while it joins a group, leaves connections open and makes others: a
// process with one of them never ends.
import { createRequire } from 'node:module';
import type { ISocketFactory } from 'kafkajs';
import type { Timer } from '../clock.ts';

/** Milliseconds that a connection may take to say anything after it was asked something. */
export interface Patience {
  readonly usual: number;
  /** After a request to join a group: the answer waits for the other members. */
  readonly join: number;
}

export interface Sockets {
  readonly open: ISocketFactory;
  /** Ends those there are, and at once those that will be made. */
  sever(): void;
}

export function socketsThatGiveUp(patience: Patience, timer: Timer): Sockets {
  const require = createRequire(import.meta.url);
  const theirs = require('kafkajs/src/network/socketFactory.js') as () => ISocketFactory;
  const connect = theirs();
  const sockets = new Set<Socket>();
  let severed = false;
  const open: ISocketFactory = (to) => {
    const socket = connect(to);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    giveUp(socket, patience, timer);
    if (severed) socket.destroy();
    return socket;
  };
  const sever = (): void => {
    severed = true;
    for (const socket of sockets) socket.destroy();
  };
  return { open, sever };
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
