// What the commands that talk to a broker share: the connection, the bounds of what they read, and what the
// source has to tell.
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { RestillError } from '../errors.ts';
import type { Consumer } from '../streams/consuming.ts';
import { openKafka } from '../streams/kafka-client.kafka.ts';
import { openTopicDesk, type TopicDesk } from '../streams/kafka-topic.kafka.ts';
import type { LiveNotice, LiveSource } from '../streams/live.ts';
import { openLiveSource } from '../streams/live-source.kafka.ts';
import type { IngestStatus, Source } from '../streams/ports.ts';
import type { TakeOver } from '../streams/starts.ts';
import { placeOfKey } from '../streams/watermark.ts';
import type { Log, LogEvent } from '../telemetry.ts';
import { readSecrets } from './secrets.ts';

export interface Broker {
  readonly kafka: ReturnType<typeof openKafka>;
  /** Of the topic of the events, which is its first, and of the one of documents. */
  readonly desk: TopicDesk;
}

type Note = (message: string) => void;

/** Connects to nothing yet. @throws RestillError CONFIG_INVALID, SECRET_UNREADABLE */
export const openClient = ({ kafka }: Config, note: Note): Broker['kafka'] =>
  openKafka(kafka, readSecrets(kafka), { note, timer: systemClock });

/** @throws RestillError CONFIG_INVALID, SECRET_UNREADABLE, KAFKA_* */
export async function openBroker(config: Config, note: Note): Promise<Broker> {
  const topics = topicsOf(config);
  const kafka = openClient(config, note);
  return { kafka, desk: await openTopicDesk(kafka, topics) };
}

function topicsOf({ topic, topics: { documents } }: Config): string[] {
  if (topic !== null) return documents === null ? [topic] : [topic, documents];
  throw new RestillError('CONFIG_INVALID', '`topic` is not set; name the topic to read from the broker');
}

/** Offsets by `topic/partition`. */
type Offsets = ReadonlyMap<string, number>;

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

/** A part of the topics as a source that ends, with its connection. */
export async function openBoundedTopic({ config, options, status, note }: BoundedOptions): Promise<Source> {
  const { source, close } = await openConnected(config, {
    note: () => {},
    open: async (broker) => {
      const bounds = await readBounds(broker.desk, options);
      return openTopic({ config, broker, status, bounds, notice: note });
    },
  });
  return {
    kind: source.kind,
    inputs: source.inputs,
    read: (input) => source.read(input),
    progress: () => source.progress(),
    close,
  };
}

interface Connected {
  readonly note: Note;
  readonly open: (broker: Broker) => Promise<LiveSource>;
}

/** A source and the connection that it is alone to use: closed together, also where `open` fails. */
export async function openConnected(config: Config, { note, open }: Connected): Promise<Consumer> {
  const broker = await openBroker(config, note);
  try {
    const source = await open(broker);
    const close = async (): Promise<void> => {
      await source.close();
      await broker.desk.close();
    };
    return { source, close };
  } catch (error) {
    await broker.desk.close().catch(() => {}); // The error before it is the one that matters.
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
  readonly alone?: boolean;
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

const offsetsText = /^(?:[\w.-]+\/)?\d+:\d+(?:,(?:[\w.-]+\/)?\d+:\d+)*$/;

/**
 * `2026-11-01T00:00:00Z` (a time), or `0:1200,1:900,docs/0:70` (offsets by partition, of the events where no
 * topic is named; the others keep their bound).
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
  if (offsetsText.test(text)) {
    const named = text.split(',').map((pair): [string, number] => {
      const [place, offset] = pair.split(':') as [string, string];
      return [place.includes('/') ? place : `${desk.topics[0]}/${place}`, Number(offset)];
    });
    const unknown = named.find(([key]) => !otherwise.has(key));
    if (unknown !== undefined)
      throw new RestillError('USAGE', `${option}: there is no partition ${unknown[0]}`);
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

/**
 * From `--from` (else the beginning) to `--until` (else what is there now). Documents are read from their
 * beginning, whatever the time to begin with: the pages after it take their texts from them.
 */
async function readBounds(
  desk: TopicDesk,
  options: { readonly from?: string; readonly until?: string },
): Promise<{ readonly from: Offsets; readonly until: Offsets }> {
  const ranges = await desk.ranges();
  const lows = new Map([...ranges].map(([key, { low }]) => [key, low]));
  const highs = new Map([...ranges].map(([key, { high }]) => [key, high]));
  const begun = await boundsOf(desk, { option: '--from', text: options.from, otherwise: lows });
  const isDated = options.from !== undefined && !offsetsText.test(options.from);
  const from = new Map(
    [...begun].map(([key, start]) => [
      key,
      isDated && placeOfKey(key).topic !== desk.topics[0] ? lows.get(key)! : start,
    ]),
  );
  const wanted = await boundsOf(desk, { option: '--until', text: options.until, otherwise: highs });
  const until = new Map([...wanted].map(([key, end]) => [key, Math.min(end, highs.get(key)!)]));
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
