// Sends what the journal takes in on to scorers: groups that may train, in order, as they become durable.
import type { Config } from '../config.ts';
import type { JournalReader } from '../contract.ts';
import { groupMessage } from '../streams/group-topic.ts';
import { openSender, type Sender } from '../streams/sender.kafka.ts';
import { openBroker } from './broker.ts';

export interface PublishedGroups {
  /** There are groups up to here. Returns at once; what is under way comes first. */
  upTo(high: number): void;
  close(): Promise<void>;
}

/** Groups read and sent at a time. */
const atOnce = 200;

/**
 * From the journal's end on: groups from before, and those that a kill cuts off, are not sent. They are a
 * help: the trainer asks the teacher itself for what no scorer has labelled. So an error is told, and no more
 * is sent in this run.
 */
export async function openPublishedGroups(
  config: Config,
  journal: Pick<JournalReader, 'status' | 'read'>,
  warn: (error: unknown) => void,
): Promise<PublishedGroups | null> {
  const { groups: topic } = config.roles;
  if (topic === null) return null;
  const broker = await openBroker({ ...config, topic }, () => {});
  const sender: Sender = await openSender(broker.kafka, topic);
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
      await sender.send(groups.map(groupMessage));
    }
  };
  return {
    upTo(high) {
      wanted = high;
      work = work.then(sendAll).catch((error: unknown) => {
        if (!isOver) warn(error);
        isOver = true;
      });
    },
    async close() {
      isOver = true;
      await work;
      await sender.close();
      await broker.desk.close();
    },
  };
}
