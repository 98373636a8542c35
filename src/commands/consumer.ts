// The live topic of `restill run`, consumed and decoded by a thread of its own, because ingest keeps this one
// busy (docs/decisions/0018-consuming-thread.md).
import { RestillError } from '../errors.ts';
import type { FromConsumer, Telling } from '../streams/consuming.ts';
import type { LiveSource } from '../streams/live.ts';
import type { DecodedRecord } from '../streams/ports.ts';
import { RemoteTopic } from '../streams/remote-topic.ts';
import { startThread } from '../streams/thread.fs.ts';
import type { ConsumingSettings } from './consuming-thread.ts';

/** Room for what a fetch of kafkajs leaves behind until it is decoded. */
const youngMiB = 16;

/** Joins the group. @throws RestillError KAFKA_* and what else stands in the way; BUG when the thread dies */
export async function openConsumer(
  settings: ConsumingSettings,
  telling: Telling,
): Promise<LiveSource<DecodedRecord>> {
  const worker = startThread(import.meta.url, './consuming-thread', {
    name: 'consuming',
    workerData: settings,
    youngMiB,
  });
  const topic = new RemoteTopic((message) => worker.postMessage(message), telling);
  const lose = (cause: Error): void => topic.lose(died(cause));
  worker.on('message', (message: FromConsumer) => {
    topic.take(message);
    // Whatever kafkajs has left there ends with it.
    if (message.kind === 'closed') void worker.terminate();
  });
  worker.on('error', lose);
  worker.on('messageerror', lose);
  worker.on('exit', (code) => lose(new Error(`it left with code ${code}`)));
  try {
    await topic.open();
  } catch (error) {
    await topic.close();
    throw error;
  }
  return topic;
}

const died = (cause: Error): RestillError =>
  new RestillError(
    'BUG',
    `the thread that reads the topic died: ${cause.message}; what came before was taken; start again, ` +
      'which goes on from there, and report it if it happens again',
    { cause },
  );
