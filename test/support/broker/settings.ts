// Broker settings for tests, each that differs from Kafka's default with its reason.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';

const settings: Readonly<Record<string, string | number | boolean>> = {
  'process.roles': 'broker,controller',
  'node.id': 1,
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'PLAINTEXT',
  'auto.create.topics.enable': false,
  // One node holds the only replica; one partition is quick to load.
  'offsets.topic.replication.factor': 1,
  'offsets.topic.num.partitions': 1,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  'transaction.state.log.num.partitions': 1,
  // The first join of a group would wait 3 s for others.
  'group.initial.rebalance.delay.ms': 0,
  // Sessions shorter than 6 s would be refused.
  'group.min.session.timeout.ms': 1000,
  // Records of last year would be deleted under the test.
  'log.retention.ms': -1,
  // Taken from the heap at start; 128 MiB otherwise.
  'log.cleaner.dedupe.buffer.size': 2097152,
  // A broker killed and started again would wait 9 s to register.
  'broker.heartbeat.interval.ms': 500,
  'broker.session.timeout.ms': 1500,
  'num.io.threads': 2,
  'num.network.threads': 1,
  'background.threads': 2,
};

const settingsOf4 = {
  'share.coordinator.state.topic.replication.factor': 1,
  'share.coordinator.state.topic.min.isr': 1,
  'share.coordinator.state.topic.num.partitions': 1,
};

export interface Listeners {
  /** Name -> port, CONTROLLER included. */
  readonly ports: Readonly<Record<string, number>>;
  /** Name -> protocol. */
  readonly protocols: Readonly<Record<string, string>>;
  /** Name -> `host:port` that clients are told: a proxy, say. */
  readonly advertised: Readonly<Record<string, string>>;
}

/** The text of server.properties. */
export function propertiesText(
  version: string,
  directory: string,
  { ports, protocols, advertised }: Listeners,
  more: Readonly<Record<string, unknown>>,
): string {
  const at = (name: string): string => `127.0.0.1:${ports[name]}`;
  const listed = (entries: readonly string[]): string => entries.join(',');
  const all: Record<string, unknown> = {
    ...settings,
    ...(version.startsWith('3') ? {} : settingsOf4),
    'controller.quorum.voters': `1@${at('CONTROLLER')}`,
    listeners: listed(Object.keys(ports).map((name) => `${name}://${at(name)}`)),
    'advertised.listeners': listed(
      Object.keys(protocols).map((name) => `${name}://${advertised[name] ?? at(name)}`),
    ),
    'listener.security.protocol.map': listed(
      Object.entries({ ...protocols, CONTROLLER: 'PLAINTEXT' }).map((pair) => pair.join(':')),
    ),
    'log.dirs': directory,
    ...more,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** Below the ports that the kernel gives to outgoing connections, which could take it during a restart. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + (randomBytes(2).readUInt16BE() % 17_000);
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
