// Sends what the journal takes in on to scorers: groups that may train, in order, as they become durable.
import type { Config } from '../config.ts';
import type { JournalReader } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { groupMessage, type KeyedMessage } from '../streams/group-topic.ts';
import { openSender } from '../streams/sender.kafka.ts';
import { openBroker } from './broker.ts';

export interface PublishedGroups {
  /** There are groups up to here. Returns at once; what is under way comes first. */
  upTo(high: number): void;
  close(): Promise<void>;
}

/** Groups read and sent at a time. */
const atOnce = 200;

type GroupSource = Pick<JournalReader, 'status' | 'read'>;

/** Null without scorers. @throws RestillError KAFKA_* */
export async function openPublishedGroups(
  config: Config,
  journal: GroupSource,
  warn: (error: unknown) => void,
): Promise<PublishedGroups | null> {
  const { groups: topic } = config.roles;
  if (topic === null) return null;
  const { kafka, desk } = await openBroker({ ...config, topic }, () => {});
  try {
    const sender = await openSender(kafka, topic);
    const groups = publishGroups(journal, (messages) => sender.send(messages), warn);
    return {
      upTo: (high) => groups.upTo(high),
      close: async () => {
        await groups.close();
        await sender.close();
        await desk.close();
      },
    };
  } catch (error) {
    await desk.close().catch(() => {}); // The error before it is the one that matters.
    throw error;
  }
}

/**
 * From the journal's end on: groups from before, and those that a kill cuts off, are not sent. They are a
 * help: the trainer asks the teacher itself for what no scorer has labelled. So an error is told, and the
 * groups it came of are left out; after one that does not pass no more are sent in this run.
 */
export function publishGroups(
  journal: GroupSource,
  send: (messages: readonly KeyedMessage[]) => Promise<void>,
  warn: (error: unknown) => void,
): PublishedGroups {
  let next = journal.status().high;
  let wanted = next;
  let work: Promise<void> = Promise.resolve();
  let isOver = false;

  const sendAll = async (): Promise<void> => {
    while (next < wanted && !isOver) {
      const from = Math.max(next, journal.status().low); // The trainer may have got further.
      const to = Math.min(wanted, from + atOnce);
      const groups = journal.read(from, to).filter(({ holdout }) => !holdout);
      next = to;
      await send(groups.map(groupMessage));
    }
  };
  return {
    upTo(high) {
      wanted = high;
      work = work.then(sendAll).catch((error: unknown) => {
        if (isOver) return;
        isOver = !(error instanceof RestillError && error.disposition === 'retry');
        warn(error);
      });
    },
    async close() {
      isOver = true;
      await work;
    },
  };
}
