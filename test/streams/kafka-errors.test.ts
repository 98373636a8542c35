// Each way in which kafkajs fails has a name that says what to do; its own error stays the cause.
import { expect, test } from 'vitest';
import { RestillError } from '../../src/errors.ts';
import { kafkaError } from '../../src/streams/kafka-errors.ts';

const thrown = (name: string, message: string, more: object = {}): Error =>
  Object.assign(new Error(message), { name, ...more });
const retried = (cause: Error): Error =>
  thrown('KafkaJSNumberOfRetriesExceeded', cause.message, { cause, retriable: false });

test.each([
  ['KAFKA_DENIED', thrown('KafkaJSSASLAuthenticationError', 'SASL PLAIN authentication failed')],
  ['KAFKA_DENIED', thrown('KafkaJSProtocolError', 'no', { type: 'TOPIC_AUTHORIZATION_FAILED' })],
  ['KAFKA_DENIED', retried(thrown('KafkaJSProtocolError', 'no', { type: 'GROUP_AUTHORIZATION_FAILED' }))],
  ['KAFKA_UNREACHABLE', thrown('KafkaJSGroupCoordinatorNotFound', 'Failed to find group coordinator')],
  ['KAFKA_TOPIC_UNKNOWN', thrown('KafkaJSProtocolError', 'no', { type: 'UNKNOWN_TOPIC_OR_PARTITION' })],
  [
    'KAFKA_UNTRUSTED',
    retried(thrown('KafkaJSConnectionError', "Hostname/IP does not match certificate's altnames")),
  ],
  ['KAFKA_UNTRUSTED', thrown('KafkaJSConnectionError', 'self-signed certificate in certificate chain')],
  ['KAFKA_UNREACHABLE', retried(thrown('KafkaJSConnectionError', 'connect ECONNREFUSED 127.0.0.1:1'))],
  ['KAFKA_UNREACHABLE', thrown('KafkaJSConnectionClosedError', 'Closed connection')],
  ['KAFKA_UNREACHABLE', new Error('Broker not connected')],
  ['KAFKA_FAILED', thrown('KafkaJSNonRetriableError', 'something new')],
] as const)('%s', (code, cause) => {
  const error = kafkaError(cause, 'read clicks');
  expect(error).toMatchObject({ code, cause });
  expect(error.message).toMatch(/^cannot read clicks: .+; \w/);
});

test('an error of ours keeps its name', () => {
  const own = new RestillError('OFFSET_GAP', 'gone');
  expect(kafkaError(own, 'read')).toBe(own);
});

test('what is no error has a name too', () => {
  expect(kafkaError('oops', 'read')).toMatchObject({
    code: 'KAFKA_FAILED',
    message: expect.stringContaining('oops'),
  });
});
