// What the commands that talk to a broker share: the connection, the bounds of what they read, and what the
// source has to tell.
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { RestillError } from '../errors.ts';
import { openKafka } from '../streams/kafka-client.kafka.ts';
import { openTopicDesk, type TopicDesk } from '../streams/kafka-topic.kafka.ts';
import { type LiveNotice, type LiveSource, openLiveSource } from '../streams/live-source.kafka.ts';
import type { IngestStatus, Source } from '../streams/ports.ts';
import type { TakeOver } from '../streams/starts.ts';
import type { Log, LogEvent } from '../telemetry.ts';
import { readSecrets } from './secrets.ts';

export interface Broker {
  readonly kafka: ReturnType<typeof openKafka>;
  /** Of the events topic. */
  readonly desk: TopicDesk;
}

/** @throws RestillError CONFIG_INVALID, SECRET_UNREADABLE, KAFKA_* */
export async function openBroker(config: Config, note: (message: string) => void): Promise<Broker> {
  const topic = requireTopic(config);
  const kafka = openKafka(config.kafka, readSecrets(config.kafka), { note, timer: systemClock });
  return { kafka, desk: await openTopicDesk(kafka, topic) };
}

function requireTopic({ topic }: Config): string {
  if (topic !== null) return topic;
  throw new RestillError('CONFIG_INVALID', '`topic` is not set; name the topic to read from the broker');
}

/** Offsets by partition. */
export type Offsets = ReadonlyMap<number, number>;

export interface Bounds {
  readonly from: Offsets | null;
  readonly until: Offsets | null;
}

interface BoundedOptions {
  readonly config: Config;
  readonly options: { readonly from?: string; readonly until?: string };
  readonly status: Pick<IngestStatus, 'offsets' | 'fingerprints'>;
  readonly note: (notice: LiveNotice) => void;
}

/** A part of the topic as a source that ends, with its connection. */
export async function openBoundedTopic({ config, options, status, note }: BoundedOptions): Promise<Source> {
  const broker = await openBroker(config, () => {});
  try {
    const bounds = await readBounds(broker.desk, options);
    const source = await openTopic({ config, broker, status, bounds, notice: note });
    return {
      kind: source.kind,
      inputs: source.inputs,
      read: (input) => source.read(input),
      progress: () => source.progress(),
      close: async () => {
        await source.close();
        await broker.desk.close();
      },
    };
  } catch (error) {
    await broker.desk.close();
    throw error;
  }
}

interface LiveOptions {
  readonly config: Config;
  readonly broker: Broker;
  readonly status: Pick<IngestStatus, 'offsets' | 'fingerprints'>;
  readonly bounds: Bounds;
  readonly notice: (notice: LiveNotice) => void;
  readonly takeOver?: TakeOver;
}

/**
 * A bounded source is the only member of a group of its own, in which nothing is committed: kafkajs reads
 * within a group only, and the group of the daemons is not to be disturbed.
 */
export function openTopic({ config, broker, bounds, ...rest }: LiveOptions): Promise<LiveSource> {
  const { kafka, desk } = broker;
  const { group } = config.kafka;
  const own = `${group}.once.${process.pid}.${systemClock.now()}`;
  return openLiveSource({
    ...{ ...rest, kafka, desk, config, ...bounds, timer: systemClock },
    group: bounds.until === null ? group : own,
  });
}

/**
 * `2026-11-01T00:00:00Z` (a time), or `0:1200,1:900` (offsets by partition; the others keep their bound).
 *
 * @param option for messages: `--until`
 * @param otherwise the bound of partitions that are not named.
 */
async function boundsOf(
  desk: TopicDesk,
  given: { readonly option: string; readonly text: string | undefined; readonly otherwise: Offsets },
): Promise<Offsets> {
  const { option, text, otherwise } = given;
  if (text === undefined) return otherwise;
  if (/^\d+:\d+(,\d+:\d+)*$/.test(text)) {
    const named = text.split(',').map((pair) => pair.split(':').map(Number) as [number, number]);
    const unknown = named.find(([partition]) => !otherwise.has(partition));
    if (unknown !== undefined)
      throw new RestillError('USAGE', `${option}: ${desk.topic} has no partition ${unknown[0]}`);
    return new Map([...otherwise, ...named]);
  }
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs))
    throw new RestillError(
      'USAGE',
      `${option} ${text}: expected a time (2026-11-01T00:00:00Z) or offsets (0:1200,1:900)`,
    );
  return new Map([...otherwise, ...(await desk.offsetsAt(timeMs))]);
}

/** From `--from` (else the beginning) to `--until` (else what is there now). */
async function readBounds(
  desk: TopicDesk,
  options: { readonly from?: string; readonly until?: string },
): Promise<{ readonly from: Offsets; readonly until: Offsets }> {
  const ranges = await desk.ranges();
  const lows = new Map([...ranges].map(([partition, { low }]) => [partition, low]));
  const highs = new Map([...ranges].map(([partition, { high }]) => [partition, high]));
  const from = await boundsOf(desk, { option: '--from', text: options.from, otherwise: lows });
  const wanted = await boundsOf(desk, { option: '--until', text: options.until, otherwise: highs });
  const until = new Map(
    [...wanted].map(([partition, end]) => [partition, Math.min(end, highs.get(partition)!)]),
  );
  return { from, until };
}

const grave: readonly LiveNotice['kind'][] = ['gap', 'restarting', 'away', 'unsettled'];

const noticeEvents: Readonly<Record<LiveNotice['kind'], LogEvent>> = {
  joined: 'source.joined',
  rebalancing: 'source.rebalancing',
  gap: 'source.gap',
  paused: 'source.paused',
  resumed: 'source.resumed',
  restarting: 'source.restarting',
  away: 'source.away',
  back: 'source.back',
  unsettled: 'source.unsettled',
  uncommitted: 'source.uncommitted',
};

export function logNotice({ kind, ...fields }: LiveNotice, log: Log): void {
  const level = grave.includes(kind) ? 'error' : 'info';
  log[level](noticeEvents[kind], fields);
}
