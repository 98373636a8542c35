// The connection to Kafka: from configuration and secrets to a kafkajs client.
import kafkajs, { type KafkaConfig as ClientConfig, type Kafka } from 'kafkajs';
import type { Timer } from '../clock.ts';
import type { KafkaConfig } from '../config-kafka.ts';
import { RestillError } from '../errors.ts';
import { addCodecs } from './kafka-codecs.kafka.ts';
import { mendKafkajs } from './kafka-mends.kafka.ts';
import { type Patience, socketsThatGiveUp } from './kafka-sockets.kafka.ts';

/** What the configuration points to, read. Never logged. */
export interface Secrets {
  readonly password: string | null;
  /** PEM texts. */
  readonly ca: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
}

/** A line that kafkajs would have logged: a warning or an error. */
export type ClientNote = (message: string) => void;

export interface ClientParts {
  readonly note: ClientNote;
  readonly timer: Timer;
}

/** Connects to nothing yet. @throws RestillError CONFIG_INVALID without brokers. */
export function openKafka(config: KafkaConfig, secrets: Secrets, { note, timer }: ClientParts): Kafka {
  if (config.brokers.length === 0)
    throw new RestillError('CONFIG_INVALID', 'kafka.brokers is empty; name at least one as host:port');
  addCodecs();
  mendKafkajs(timer);
  const sockets = socketsThatGiveUp(patience(config), timer);
  const troubles = new Map<string, unknown>();
  const kafka = new kafkajs.Kafka({
    clientId: config.clientId,
    brokers: [...config.brokers],
    ...security(config, secrets),
    connectionTimeout: config.connectTimeout,
    authenticationTimeout: config.connectTimeout,
    requestTimeout: config.requestTimeout,
    enforceRequestTimeout: true,
    socketFactory: sockets.open,
    // Said in full: kafkajs has other defaults where NODE_ENV is `test`.
    retry: {
      initialRetryTime: 300,
      maxRetryTime: 10_000,
      factor: 0.2,
      multiplier: 2,
      retries: config.retriesMax,
    },
    logLevel: kafkajs.logLevel.WARN,
    logCreator:
      () =>
      ({ namespace, level, log }) => {
        if (level <= kafkajs.logLevel.WARN) note(`${namespace}: ${log.message}`);
        else if (log.message === coordinatorTried) troubles.set(log.groupId as string, log.error);
      },
  });
  hidden.set(kafka, { sever: sockets.sever, troubles });
  return kafka;
}

interface Hidden {
  readonly sever: () => void;
  /** By group: why no coordinator was found. */
  readonly troubles: Map<string, unknown>;
}

/** What we know of a client, and kafkajs does not tell. */
const hidden = new WeakMap<Kafka, Hidden>();

/** The last thing to be done with a client: whatever of it is still open is cut, and stays so. */
export const sever = (kafka: Kafka): void => hidden.get(kafka)?.sever();

/** What kafkajs logs for debugging, with the error that it hides from its caller. */
const coordinatorTried = 'Tried to find group coordinator';

/**
 * Asks something about a group, or a transactional id. Where kafkajs says no more than that it found no
 * coordinator of it, the error is the one behind that: it is denied, or there was no answer.
 */
export async function askAboutGroup<T>(kafka: Kafka, group: string, ask: () => Promise<T>): Promise<T> {
  const logger = kafka.logger();
  const troubles = hidden.get(kafka)?.troubles;
  troubles?.delete(group);
  logger.setLogLevel(kafkajs.logLevel.DEBUG);
  try {
    return await ask();
  } catch (error) {
    const isHidden = (error as Error).name === 'KafkaJSGroupCoordinatorNotFound';
    throw isHidden ? (troubles?.get(group) ?? error) : error;
  } finally {
    logger.setLogLevel(kafkajs.logLevel.WARN);
  }
}

/** A little more than kafkajs gives a request, so that it has the first word. */
const patience = ({ requestTimeout, sessionTimeout }: KafkaConfig): Patience => ({
  usual: requestTimeout + 1_000,
  join: Math.max(requestTimeout, 2 * sessionTimeout + 5_000) + 1_000,
});

function security({ tls, sasl }: KafkaConfig, secrets: Secrets): Pick<ClientConfig, 'ssl' | 'sasl'> {
  const { password, ca, certificate, key } = secrets;
  const ssl = tls && {
    ...(ca === null ? {} : { ca: [ca] }),
    ...(certificate === null || key === null ? {} : { cert: certificate, key }),
    ...(tls.serverName === null ? {} : { servername: tls.serverName }),
  };
  return {
    ...(ssl ? { ssl } : {}),
    ...(sasl
      ? { sasl: { mechanism: sasl.mechanism as 'plain', username: sasl.username, password: password ?? '' } }
      : {}),
  };
}
