// What kafkajs throws -> a named error that says what to do. By the names and types of its errors and of
// their causes, so nothing of kafkajs is needed here.
import { type ErrorCode, RestillError } from '../errors.ts';

interface Thrown {
  readonly name?: string;
  /** The broker's own name for it, for example TOPIC_AUTHORIZATION_FAILED. */
  readonly type?: string;
  readonly code?: unknown;
  readonly message?: string;
  readonly cause?: unknown;
}

interface Rule {
  readonly code: ErrorCode;
  readonly fits: (error: Thrown) => boolean;
  readonly todo: string;
}

const said = (pattern: RegExp) => (error: Thrown) => pattern.test(error.message ?? '');
const typed =
  (...types: string[]) =>
  (error: Thrown) =>
    types.includes(error.type ?? '');

/** A coordinator is not found while brokers start: a group that is denied has another name by then. */
const unreachable =
  /^KafkaJS(Connection|RequestTimeout|BrokerNotFound|NoBroker|GroupCoordinator|LockTimeout|NumberOfRetries)/;

/** The first that fits, over the chain of causes from the innermost. */
const rules: readonly Rule[] = [
  {
    code: 'KAFKA_DENIED',
    fits: ({ name }) => name === 'KafkaJSSASLAuthenticationError',
    todo: 'check kafka.sasl: mechanism, username and password',
  },
  {
    code: 'KAFKA_DENIED',
    fits: typed('TOPIC_AUTHORIZATION_FAILED'),
    todo: 'let the user READ and DESCRIBE the topic (or WRITE, for dead letters), then start again',
  },
  {
    code: 'KAFKA_DENIED',
    fits: typed('GROUP_AUTHORIZATION_FAILED'),
    todo: 'let the user READ the group kafka.group, then start again',
  },
  {
    code: 'KAFKA_DENIED',
    fits: typed('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'),
    todo: 'let the user WRITE and DESCRIBE the transactional ids with the prefix <kafka.group>.builder.',
  },
  {
    code: 'KAFKA_DENIED',
    fits: typed('CLUSTER_AUTHORIZATION_FAILED', 'SASL_AUTHENTICATION_FAILED', 'ILLEGAL_SASL_STATE'),
    todo: 'check kafka.sasl and the access lists of the broker',
  },
  {
    code: 'KAFKA_UNTRUSTED',
    fits: (e) =>
      said(/certificate|altnames|self.signed|wrong version number|unable to verify|tlsv1|ssl3_/i)(e) ||
      /^(ERR_TLS_|CERT_|DEPTH_ZERO|UNABLE_TO)/.test(String(e.code)),
    todo: 'check kafka.tls: the authority (ca), the name in the certificate (server_name), and the port',
  },
  {
    code: 'KAFKA_TOPIC_UNKNOWN',
    fits: typed('UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION'),
    todo: 'check `topic`, or make the topic; restill makes none',
  },
  {
    code: 'KAFKA_UNREACHABLE',
    fits: (e) => unreachable.test(e.name ?? '') || said(/^Broker not connected$/)(e),
    todo: 'check kafka.brokers, the network, and whether the listener wants TLS or SASL; then start again',
  },
];

/** @param doing what was tried, for the message: `cannot ${doing}` */
export function kafkaError(error: unknown, doing: string): RestillError {
  if (error instanceof RestillError) return error;
  const chain = causes(error);
  const innermost = chain[0]!.message ?? String(error);
  for (const { code, fits, todo } of rules)
    if (chain.some(fits))
      return new RestillError(code, `cannot ${doing}: ${innermost}; ${todo}`, { cause: error });
  return new RestillError(
    'KAFKA_FAILED',
    `cannot ${doing}: ${innermost}; nothing durable is lost: start again, and look at the broker's log`,
    { cause: error },
  );
}

const causesMax = 10;

/** From the innermost. kafkajs puts the cause of some errors in their message only. */
function causes(error: unknown): Thrown[] {
  const chain: Thrown[] = [];
  let at: unknown = error;
  while (typeof at === 'object' && at !== null && chain.length < causesMax) {
    chain.unshift(at);
    at = (at as Thrown).cause;
  }
  return chain.length > 0 ? chain : [{ message: String(error) }];
}
