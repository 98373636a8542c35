// Messages to a topic between the trainer and scorers, which may come twice but never get lost once sent.
import kafkajs, { type Kafka } from 'kafkajs';
import type { KeyedMessage } from './group-topic.ts';
import { kafkaError } from './kafka-errors.ts';

export interface Sender {
  /** Resolves when the broker has them on all replicas in sync. @throws RestillError KAFKA_* */
  send(messages: readonly KeyedMessage[]): Promise<void>;
  close(): Promise<void>;
}

/** Messages sent at a time. */
const sendMax = 100;

/** @throws RestillError KAFKA_* */
export async function openSender(kafka: Kafka, topic: string): Promise<Sender> {
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  try {
    await producer.connect();
  } catch (error) {
    throw kafkaError(error, 'connect to Kafka');
  }
  return {
    async send(messages) {
      try {
        for (let from = 0; from < messages.length; from += sendMax)
          await producer.send({ topic, acks: -1, messages: messages.slice(from, from + sendMax) });
      } catch (error) {
        throw kafkaError(error, `send to ${topic}`);
      }
    },
    close: () => producer.disconnect(),
  };
}
