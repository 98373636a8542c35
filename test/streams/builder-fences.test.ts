// Invariant 5 of builder.ts: members of a group hear of its generations, and their fences arrive, in whatever
// order. Once the group rests every record is handed over once, by those who own the partitions then, and
// nobody fences for ever. No record comes that was not there from the beginning.
import fc, { type Scheduler } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Builder, type Handing } from '../../src/streams/builder.ts';
import type { PlacedRecord, Source } from '../../src/streams/ports.ts';
import { Topics } from '../support/builder-topics.ts';
import { journalConfig, placed, topicOf } from '../support/records.ts';

const partitions = 3;
const records = topicOf(15, partitions).map(placed);
const config = journalConfig({ transaction_records: 4 }, { join: { window: '3m', lateness_max: '3m' } });

/** A builder with its source: what live-source.kafka.ts and group-member.kafka.ts do for one. */
class Member implements Source {
  readonly kind = 'live';
  readonly inputs = 1;
  readonly ran: Promise<void>;
  /** How often it was fenced from what it took for its own. */
  fences = 0;
  readonly #builder: Builder;
  #own: readonly number[] = [];
  #items: PlacedRecord[] = [];
  #assignments = 0;
  #hasMore = false;
  #closed = false;
  #wake: () => void = () => {};

  constructor(handing: Handing, fenced: (member: Member) => void) {
    const letters = { append: async () => 0, close: async () => {} };
    this.#builder = new Builder({
      ...{ config, topic: 'clicks', handing, letters },
      fenced: () => {
        this.fences++;
        fenced(this);
      },
    });
    this.ran = this.#builder.run(this, () => {});
    this.ran.catch(() => {}); // Awaited at the end.
  }

  async assign(own: readonly number[]): Promise<void> {
    const assignment = ++this.#assignments;
    this.#own = own;
    this.#items = [];
    const { offsets } = await this.#builder.takeOver(own);
    if (assignment !== this.#assignments) return;
    const isNew = ({ partition, offset }: PlacedRecord): boolean =>
      own.includes(partition) && offset >= (offsets[`clicks/${partition}`] ?? 0);
    this.#items = records.filter(isNew);
    this.#wake();
  }

  again(): Promise<void> {
    return this.assign(this.#own);
  }

  async read(): Promise<PlacedRecord[] | null> {
    while (!this.#closed && !this.#hasMore && this.#items.length === 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    if (this.#closed) return null;
    const items = this.#items.splice(0, 3);
    this.#hasMore = items.length > 0;
    return items;
  }

  progress(): { bytesRead: number; bytesTotal: number } {
    return { bytesRead: 0, bytesTotal: 0 };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    await this.ran;
  }
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

async function undisturbed(): Promise<string[][]> {
  const topics = new Topics(partitions);
  const member = new Member(topics.handing(), () => {});
  await member.assign([0, 1, 2]);
  await settle();
  await member.close();
  return topics.pages;
}

test('a take-over that was overtaken fences the owner: the owner takes over again', async () => {
  const topics = new Topics(partitions);
  let arrive = (): void => {};
  const onItsWay = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const slow = topics.handing((what) => (what === 'fence of 2' ? onItsWay : Promise.resolve()));
  const first = new Member(slow, (member) => void member.again());
  const second = new Member(topics.handing(), (member) => void member.again());

  const overtaken = first.assign([0, 1, 2]);
  await settle();
  const kept = first.assign([0, 1]);
  await second.assign([2]);
  arrive();
  await Promise.all([overtaken, kept]);
  await settle();

  expect(topics.pages).toEqual(await undisturbed());
  expect([first.fences, second.fences]).toEqual([0, 1]);
  await Promise.all([first.close(), second.close()]);
});

/** Who has each partition in a generation: members by number. */
const assignments = fc.array(fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2)), { minLength: 1, maxLength: 4 });

/** The group as its coordinator sees it, and what its members have heard of it. */
class Group {
  readonly topics = new Topics(partitions);
  readonly members: readonly Member[];
  readonly #scheduler: Scheduler;
  readonly #heard = new Map<Member, number>();
  readonly #asked = new Set<Member>();
  #generation = -1;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    this.members = [0, 1, 2].map((number) => {
      const handing = this.topics.handing((what) => this.#travel(`${number}: ${what}`));
      return new Member(handing, (member) => void this.#askAgain(member));
    });
  }

  async run(plan: readonly (readonly number[])[]): Promise<void> {
    for (const [generation, owners] of plan.entries()) {
      await this.#travel(`generation ${generation}`);
      this.#generation = generation;
      for (const [number, member] of this.members.entries())
        void this.#tell(
          member,
          generation,
          [0, 1, 2].filter((partition) => owners[partition] === number),
        );
    }
  }

  async #tell(member: Member, generation: number, own: readonly number[]): Promise<void> {
    await this.#travel(`${own} in generation ${generation}`);
    if ((this.#heard.get(member) ?? -1) > generation) return;
    this.#heard.set(member, generation);
    this.#asked.delete(member);
    await member.assign(own);
  }

  /** At the next answer to a heartbeat. One that is on its way counts: it may have been answered before. */
  async #askAgain(member: Member): Promise<void> {
    if (this.#asked.has(member)) return;
    this.#asked.add(member);
    const generation = this.#heard.get(member);
    await this.#travel('heartbeat');
    if (this.#generation !== generation) return;
    await this.#travel('answer');
    if (this.#heard.get(member) !== generation || !this.#asked.delete(member)) return;
    await member.again();
  }

  #travel(what: string): Promise<void> {
    return this.#scheduler.schedule(Promise.resolve(), what);
  }
}

describe('whatever comes first', () => {
  test('everything is handed over once, and nobody gives up', async () => {
    const expected = await undisturbed();
    let fences = 0;
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), assignments, async (scheduler, plan) => {
        const group = new Group(scheduler);
        void group.run(plan);
        do {
          await scheduler.waitIdle();
          await settle();
        } while (scheduler.count() > 0);
        expect(group.topics.pages).toEqual(expected);
        await Promise.all(group.members.map((member) => member.close()));
        fences += group.members.reduce((sum, member) => sum + member.fences, 0);
      }),
      { numRuns: 150, seed: 5 },
    );
    expect(fences).toBeGreaterThan(10);
  });
});
