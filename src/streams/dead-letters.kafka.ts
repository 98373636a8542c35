// The producer of restill: dead letters to their topic, and from there, or from the file, back to the topic
// they came from.
import kafkajs, { type Kafka, type Message } from 'kafkajs';
import type { DeadLetter } from '../contract.ts';
import { letterMessage, originalMessage } from './dead-letter-message.ts';
import { kafkaError } from './kafka-errors.ts';

export interface LetterSender {
  /** Resolves when the broker has them on all replicas in sync. @throws RestillError KAFKA_* */
  bury(letters: readonly DeadLetter[]): Promise<void>;
  /** Each to the topic and with the key it came with, at the end of it. @throws RestillError KAFKA_* */
  redrive(letters: readonly DeadLetter[]): Promise<void>;
  close(): Promise<void>;
}

/** Messages sent at a time: letters are few. */
const sendMax = 100;

/**
 * Not guaranteed: that a letter is in the topic once. It is sent before the transaction that says so, and a
 * kill between the two sends it again; topic, partition and offset in its headers tell.
 *
 * @param reader the consumer group, for the headers.
 */
export async function openLetterSender(
  kafka: Kafka,
  { topic, reader }: { readonly topic: string | null; readonly reader: string },
): Promise<LetterSender> {
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  const sending = async (what: string, send: () => Promise<void>): Promise<void> => {
    try {
      await send();
    } catch (error) {
      throw kafkaError(error, what);
    }
  };
  const sendAll = async (to: string, messages: readonly Message[]): Promise<void> => {
    for (let from = 0; from < messages.length; from += sendMax)
      await producer.send({ topic: to, acks: -1, messages: messages.slice(from, from + sendMax) });
  };
  await sending('connect to Kafka', () => producer.connect());
  return {
    bury: (letters) =>
      sending(`send dead letters to ${topic}`, async () => {
        if (topic === null) return;
        await sendAll(
          topic,
          letters.map((letter) => letterMessage(letter, reader)),
        );
      }),
    redrive: (letters) =>
      sending('send dead letters again', async () => {
        const topics = new Set(letters.map(({ record }) => record.topic));
        for (const to of topics) {
          const own = letters.filter(({ record }) => record.topic === to);
          await sendAll(
            to,
            own.map(({ record }) => originalMessage(record)),
          );
        }
      }),
    close: () => producer.disconnect(),
  };
}
