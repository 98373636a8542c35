// A live source on a test broker, with settings that make a test quick.
import { systemClock } from '../../../src/clock.ts';
import type { Config } from '../../../src/config.ts';
import { openKafka, type Secrets } from '../../../src/streams/kafka-client.kafka.ts';
import { openTopicDesk } from '../../../src/streams/kafka-topic.kafka.ts';
import type { LiveNotice, LiveSource } from '../../../src/streams/live.ts';
import { openLiveSource } from '../../../src/streams/live-source.kafka.ts';
import type { IngestStatus } from '../../../src/streams/ports.ts';

export const noSecrets: Secrets = { password: null, ca: null, certificate: null, key: null };

/** The `kafka` section as it is written. */
export const quickly = (bootstrap: string, more: Readonly<Record<string, unknown>> = {}) => ({
  brokers: [bootstrap],
  session_timeout: '6s',
  heartbeat_every: '500ms',
  commit_every: '100ms',
  fetch_wait: '100ms',
  linger: '20ms',
  metadata_every: '1s',
  connect_timeout: '2s',
  retries_max: 4,
  ...more,
});

export interface LiveOptions {
  readonly config: Config;
  readonly topic?: string;
  readonly status?: Pick<IngestStatus, 'offsets' | 'fingerprints'>;
  readonly group?: string;
  readonly until?: ReadonlyMap<string, number> | 'now' | null;
  readonly secrets?: Secrets;
}

export interface Live extends LiveSource {
  readonly notices: LiveNotice[];
}

export async function openLive(options: LiveOptions): Promise<Live> {
  const { config, topic = 'clicks', status = { offsets: {}, fingerprints: {} } } = options;
  const { group = config.kafka.group, until = null, secrets = noSecrets } = options;
  const kafka = openKafka(config.kafka, secrets, { note: () => {}, timer: systemClock });
  const { documents } = config.topics;
  const desk = await openTopicDesk(kafka, documents === null ? [topic] : [topic, documents]);
  const notices: LiveNotice[] = [];
  try {
    const ends = until === 'now' ? endsOf(await desk.ranges()) : until;
    const notice = (found: LiveNotice): void => void notices.push(found);
    const parts = { kafka, desk, config, timer: systemClock, status, group, from: null, until: ends, notice };
    const source = await openLiveSource(parts);
    const close = async (): Promise<void> => {
      await source.close();
      await desk.close();
    };
    const { kind, inputs } = source;
    const read = () => source.read(0);
    const progress = () => source.progress();
    const partitions = () => source.partitions();
    const acknowledge = (offsets: Readonly<Record<string, number>>) => source.acknowledge(offsets);
    const takeUpAgain = () => source.takeUpAgain();
    return { kind, inputs, read, progress, partitions, acknowledge, takeUpAgain, close, notices };
  } catch (error) {
    await desk.close();
    throw error;
  }
}

const endsOf = (ranges: ReadonlyMap<string, { readonly high: number }>) =>
  new Map([...ranges].map(([key, { high }]) => [key, high]));
