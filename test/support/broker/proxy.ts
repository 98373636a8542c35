// A TCP proxy before a test broker, for the faults of networks. Its address is what the broker tells clients
// of a listener.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from './settings.ts';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export async function openProxy(): Promise<BrokerProxy> {
  const proxy = new BrokerProxy(await freePort());
  await proxy.listen();
  return proxy;
}

export class BrokerProxy {
  readonly address: string;
  readonly #port: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  /** Of clients whose connection to the broker is gone without their knowing. */
  readonly #orphans = new Set<Socket>();
  #target: number | null = null;
  #stalled = false;

  constructor(port: number) {
    this.#port = port;
    this.address = `127.0.0.1:${port}`;
    this.#server = createServer({ pauseOnConnect: true }, (client) => this.#accept(client));
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
  }

  /** `host:port` of the broker. */
  aim(address: string): void {
    this.#target = Number(address.split(':').at(-1));
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Nothing passes, old connections stay open and new ones are taken. */
  stall(): void {
    this.#stalled = true;
    for (const { client, server } of this.#pairs) {
      client.pause();
      server.pause();
    }
  }

  /** What was held back passes. */
  heal(): void {
    this.#stalled = false;
    for (const { client, server } of this.#pairs) {
      client.resume();
      server.resume();
    }
  }

  /** Ends every connection with a reset. New ones pass. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** The broker's side of every connection is gone, and the client's is not told: it waits for an answer. */
  halfOpen(): void {
    for (const { client, server } of [...this.#pairs]) {
      client.unpipe(server);
      server.unpipe(client);
      client.resume();
      this.#orphans.add(client);
      server.resetAndDestroy();
    }
  }

  close(): Promise<void> {
    this.cut();
    for (const client of this.#orphans) client.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(client: Socket): void {
    if (this.#target === null) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port: this.#target, host: '127.0.0.1', noDelay: true });
    client.setNoDelay(true);
    const pair = { client, server };
    this.#pairs.add(pair);
    const over = (): void => {
      this.#pairs.delete(pair);
      this.#orphans.delete(client);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('error', () => {}); // `close` follows.
    client.on('close', over);
    server.on('close', () => {
      if (this.#orphans.has(client)) this.#pairs.delete(pair);
      else over();
    });
    client.pipe(server);
    server.pipe(client);
    if (!this.#stalled) return;
    client.pause();
    server.pause();
  }
}
