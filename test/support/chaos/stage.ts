// A broker, a proxy before it, and a daemon that reads through it: what a chaos run does to them, and how
// long each may take to be over it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../../../src/config.ts';
import { journalHost } from '../../../src/streams/journal-host.fs.ts';
import { openJournalReader } from '../../../src/streams/journal-reader.lmdb.ts';
import type { VerifiedReader } from '../../../src/streams/ports.ts';
import type { Broker } from '../broker/broker.ts';
import type { BrokerProxy } from '../broker/proxy.ts';
import { produce, testClient, withAdmin } from '../broker/topic.ts';
import type { Daemon } from './daemon.ts';
import { within } from './deadline.ts';
import type { Feed } from './feed.ts';
import type { Fault } from './schedule.ts';

/** For a process of ours or a JVM to start on a busy machine: no deadline of restill's. */
const startMs = 60_000;

export interface StageParts {
  readonly broker: Broker;
  readonly proxy: BrokerProxy;
  readonly daemon: Daemon;
  readonly feed: Feed;
  readonly config: Config;
  readonly data: string;
  readonly partitions: number;
}

export class Stage {
  readonly #parts: StageParts;
  #partitions: number;
  #journal: VerifiedReader | null = null;
  #closed = false;
  #last: Fault | null = null;

  constructor(parts: StageParts) {
    this.#parts = parts;
    this.#partitions = parts.partitions;
  }

  /** Does the fault while the daemon takes the next records. */
  async suffer(fault: Fault): Promise<void> {
    const { broker, daemon, proxy } = this.#parts;
    this.#last = fault;
    if (fault.kind === 'partition-added') await this.#addPartition();
    await this.#produce(this.#records(fault));
    switch (fault.kind) {
      case 'daemon-killed':
        return daemon.crash();
      case 'daemon-frozen':
        daemon.freeze();
        await pause(fault.ms);
        return daemon.thaw();
      case 'trainer-killed':
        return this.#killTrainer();
      case 'broker-killed':
        await broker.kill();
        await pause(fault.ms);
        await broker.start();
        await this.ends();
        return;
      case 'network-stalled':
        proxy.stall();
        await pause(fault.ms);
        return proxy.heal();
      case 'connections-cut':
        return proxy.cut();
      case 'half-open':
        return proxy.halfOpen();
      case 'member-joins':
        return this.#admitMember(fault.ms);
      case 'poison':
      case 'duplicates':
      case 'partition-added':
        return; // The records are the fault, or it was done before them.
    }
  }

  /** Some pieces of the feed, undisturbed. */
  feed(pieces: number): Promise<void> {
    const { feed } = this.#parts;
    return this.#produce(Array.from({ length: pieces }, () => feed.next(this.#partitions)).flat());
  }

  /** Waits until all that was produced is durable. @throws if that takes longer than it may. */
  async settle(): Promise<void> {
    const ends = await this.ends();
    await this.within('everything is durable', () => {
      this.#requireNoFailure();
      const offsets = this.#durable();
      return ends.every(([key, end]) => (offsets[key] ?? 0) === end);
    });
  }

  /** Waits until a trainer is there that was started after the last one was killed. */
  async trainerUp(): Promise<void> {
    const { daemon } = this.#parts;
    await this.within('the trainer is up', () => {
      this.#requireNoFailure();
      return daemon.isTrainerUp();
    });
  }

  /** Next offset of each of the partitions; asked again while the broker does not know them yet. */
  async ends(): Promise<[key: string, end: number][]> {
    const { broker, config } = this.#parts;
    const topic = config.topic!;
    const ask = () => withAdmin(broker.bootstrap, (admin) => admin.fetchTopicOffsets(topic));
    for (const end = performance.now() + startMs; ; await pause(100)) {
      const offsets = await ask().catch(() => []); // Its leaders are not elected yet.
      if (offsets.length === this.#partitions)
        return offsets.map(({ partition, high }) => [`${topic}/${partition}`, Number(high)]);
      if (performance.now() > end) throw new Error(`${topic} has ${offsets.length} partitions`);
    }
  }

  /**
   * What a daemon may take to notice a fault and be over it: an answer that does not come, its session and
   * the group's rebalance to run out, connections made anew with all retries, and its own start.
   */
  deadlineMs(): number {
    const { sessionTimeout, requestTimeout, connectTimeout, retriesMax } = this.#parts.config.kafka;
    const retries = Array.from({ length: retriesMax }, (_, at) => Math.min(10_000, 300 * 2 ** at * 1.2));
    const again = retries.reduce((sum, ms) => sum + ms, 0) + (retriesMax + 1) * connectTimeout;
    return startMs + requestTimeout + 3 * sessionTimeout + again;
  }

  async within(what: string, holds: () => boolean, ms = this.deadlineMs()): Promise<void> {
    for (const end = performance.now() + ms; !holds(); await pause(50))
      if (performance.now() > end)
        throw new Error(`after ${ms} ms it is not so that ${what}\n${await this.standing()}`);
  }

  /** What may take as long as the broker and the daemon together, and no longer. */
  bounded<T>(what: string, work: Promise<T>, ms = this.deadlineMs() + 2 * startMs): Promise<T> {
    return within(what, work, { ms, standing: () => this.standing() });
  }

  /** Where everything is: for the message of what hangs. */
  async standing(): Promise<string> {
    const { broker, config, daemon, proxy } = this.#parts;
    const { group } = config.kafka;
    const asked = withAdmin(broker.bootstrap, async (admin) => {
      const { groups } = await admin.describeGroups([group]);
      return groups.map(({ state, members }) => ({ state, members: members.map((m) => m.clientId) }));
    });
    const quickly = { ms: 10_000, standing: () => '' };
    const said = (error: unknown): string => String(error);
    return JSON.stringify(
      {
        last: this.#last,
        ends: await within('asking for the ends', this.ends(), quickly).catch(said),
        durable: this.#durable(),
        group: await within('asking for the group', asked, quickly).catch(said),
        connections: proxy.connections,
        log: daemon
          .log()
          .filter(({ event }) => event !== 'turn.finished')
          .slice(-25)
          .map((line) => JSON.stringify(line)),
        left: daemon.left,
        failure: daemon.failure,
      },
      null,
      1,
    );
  }

  /** Leaves the journal: LMDB does not open it for writing in a process that has it open for reading. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#journal?.close();
  }

  #requireNoFailure(): void {
    const { failure } = this.#parts.daemon;
    if (failure !== null)
      throw new Error(`the daemon left by itself with ${failure.code}: ${failure.stderr}`);
  }

  #records(fault: Fault) {
    const { feed } = this.#parts;
    const records = feed.next(this.#partitions);
    if (fault.kind === 'poison') return feed.poisoned(records, fault.count);
    return fault.kind === 'duplicates' ? feed.repeating(records, fault.count) : records;
  }

  #produce(records: Parameters<typeof produce>[1]): Promise<void> {
    return produce(this.#parts.broker.bootstrap, records, { topic: this.#parts.config.topic! });
  }

  #durable(): Readonly<Record<string, number>> {
    const { config, data } = this.#parts;
    const directory = join(data, 'journal');
    if (this.#closed) return {};
    if (this.#journal === null && !existsSync(join(directory, 'data.mdb'))) return {};
    try {
      this.#journal ??= openJournalReader(directory, { config, host: journalHost });
      return this.#journal.status().offsets;
    } catch {
      return {}; // The daemon is just making it.
    }
  }

  async #killTrainer(): Promise<void> {
    const { daemon } = this.#parts;
    await this.trainerUp();
    const deaths = daemon.count('trainer.died');
    daemon.killTrainer();
    await this.within('the end of the trainer is noticed', () => daemon.count('trainer.died') > deaths);
  }

  async #addPartition(): Promise<void> {
    const { broker, config } = this.#parts;
    const topic = config.topic!;
    this.#partitions++;
    await withAdmin(broker.bootstrap, (admin) =>
      admin.createPartitions({ topicPartitions: [{ topic, count: this.#partitions }] }),
    );
    await this.ends();
  }

  async #admitMember(ms: number): Promise<void> {
    const { broker, config } = this.#parts;
    const stranger = testClient(broker.bootstrap).consumer({
      groupId: config.kafka.group,
      sessionTimeout: config.kafka.sessionTimeout,
      rebalanceTimeout: 2 * config.kafka.sessionTimeout,
      heartbeatInterval: config.kafka.heartbeatEvery,
    });
    const topic = config.topic!;
    let joined = false;
    stranger.on(stranger.events.GROUP_JOIN, ({ payload }) => {
      joined = true;
      const own = payload.memberAssignment[topic] ?? [];
      const offsets = own.map((partition) => ({ topic, partition, offset: '0' }));
      stranger.commitOffsets(offsets).catch(() => {}); // It may be out of the group again.
    });
    await stranger.connect();
    await stranger.subscribe({ topics: [topic] });
    await stranger.run({ autoCommit: false, eachBatch: () => Promise.resolve() });
    await this.within('a stranger is in the group', () => joined);
    await pause(ms);
    await stranger.disconnect();
  }
}
