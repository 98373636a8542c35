// Ingest as a whole on real files: what is in the journal is a function of the topic (promise 1), whatever
// stops it, and however the topic is spread over files; it waits when the ring is full (promise 5); nothing
// vanishes (promise 9).
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { lastValueFrom, tap } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { Config } from '../../src/config.ts';
import type { Group, SourceRecord } from '../../src/contract.ts';
import { openDeadLetters } from '../../src/streams/dead-letters.fs.ts';
import { decode, isEvent } from '../../src/streams/decode.ts';
import { type Ingest, type IngestProgress, openIngest } from '../../src/streams/ingest.rx.ts';
import { openIntake } from '../../src/streams/intake.ts';
import { openJournal } from '../../src/streams/journal.lmdb.ts';
import { journalHost } from '../../src/streams/journal-host.fs.ts';
import type { Journal } from '../../src/streams/ports.ts';
import { openRecordedSource } from '../../src/streams/recorded-source.fs.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { emptyStore, MemoryJournal, type MemoryStore } from '../support/memory-journal.ts';
import { journalConfig, recordingOf, topicOf } from '../support/records.ts';

const records = topicOf(90);
const byTime = (a: SourceRecord, b: SourceRecord): number =>
  a.timestampMs - b.timestampMs || a.partition - b.partition || a.offset - b.offset;
/** Wide enough for everything. */
const wide = journalConfig({ ring_max: 1_000 });

/** What the topic comes to, straight through decoder and intake. */
function expectedGroups(config: Config, topic: readonly SourceRecord[] = records): Group[] {
  const intake = openIntake(config, [], 0);
  for (const record of [...topic].sort(byTime)) {
    const decoded = decode(record);
    if (isEvent(decoded)) intake.accept(decoded, record);
    else intake.reject(decoded);
  }
  intake.finish();
  return intake.drain().groups;
}

interface Place {
  readonly directory: string;
  readonly files: string[];
}

function placeOf(...contents: (string | Buffer)[]): Place {
  const directory = temporaryDirectory();
  const files = contents.map((_, at) => join(directory, `recording-${at}`));
  files.forEach((file, at) => {
    writeFileSync(file, contents[at]!);
  });
  return { directory, files };
}

interface Options {
  readonly journal: Journal;
  readonly config?: Config;
  readonly watch?: (progress: IngestProgress, ingest: Ingest) => void;
}

async function run({ directory, files }: Place, options: Options): Promise<IngestProgress> {
  const { journal, config = wide, watch = () => {} } = options;
  const source = await openRecordedSource(files, config.records);
  const { deadLetterBytes } = journal.status();
  const deadLetters = await openDeadLetters(join(directory, 'dead-letters.jsonl'), deadLetterBytes);
  try {
    const ingest = openIngest({ config, source, journal, deadLetters });
    return await lastValueFrom(ingest.progress$.pipe(tap((progress) => watch(progress, ingest))));
  } finally {
    await source.close();
    await deadLetters.close();
  }
}

const lettersOf = ({ directory }: Place): string =>
  readFileSync(join(directory, 'dead-letters.jsonl'), 'utf8');

/** All that must not depend on what happened on the way. */
function essence(place: Place, { groups, status, state }: MemoryStore): object {
  const { low: _low, ...rest } = status;
  // In which slot a value lies depends on when the intake was drained; that does no harm.
  const values = [...state.values()].map(
    ({ table, value }) => `${table} ${Buffer.from(value!).toString('hex')}`,
  );
  return { groups, status: rest, state: values.sort(), letters: lettersOf(place) };
}

async function uninterrupted(content: string | Buffer = recordingOf(records)): Promise<object> {
  const place = placeOf(content);
  const store = emptyStore();
  await run(place, { journal: new MemoryJournal(store, wide) });
  return essence(place, store);
}

test('a recording comes to its groups, counts, offsets and letters', async () => {
  const store = emptyStore();
  const place = placeOf(gzipSync(recordingOf(records)));
  const seen: IngestProgress[] = [];
  const done = await run(place, {
    journal: new MemoryJournal(store, wide),
    watch: (progress) => seen.push(progress),
  });
  expect(store.groups).toEqual(expectedGroups(wide));
  expect(store.groups.length).toBe(90);
  expect(done.status).toMatchObject({ high: 90, ended: true, offsets: { 'clicks/0': 95, 'clicks/1': 95 } });
  expect(done.counts).toMatchObject({ records: 190, impressions: 90, clicks: 90, malformed: 10, groups: 90 });
  expect(done.bytesRead).toBe(done.bytesTotal);
  expect(lettersOf(place).split('\n').length - 1).toBe(10);
  // A transaction of ten records each, and what is told is durable.
  expect(seen.length).toBe(20);
  const told = seen.map(({ counts }) => counts.records);
  expect(told).toEqual([...told].sort((a, b) => a - b));
  expect(told.at(-1)).toBe(190);
});

test('how the topic is spread over files, and how they are named, changes nothing', async () => {
  const whole = await uninterrupted();
  const text = recordingOf(records);
  const lines = text.split(/(?<=\n)/);
  const half = Math.floor(lines.length / 2);
  const spreads = [
    [
      lines.filter((line) => line.includes('"partition":1')),
      lines.filter((line) => line.includes('"partition":0')),
    ],
    [lines.slice(half - 20), lines.slice(0, half)],
    [lines.slice(0, half), lines.slice(half), lines.slice(10, 50)],
  ];
  for (const files of spreads) {
    const place = placeOf(...files.map((some) => some.join('')));
    for (const order of [place.files, [...place.files].reverse()]) {
      const store = emptyStore();
      await run({ ...place, files: order }, { journal: new MemoryJournal(store, wide) });
      expect(essence(place, store)).toEqual(whole);
    }
  }
});

describe('stopped and started again', () => {
  test('a failure at any transaction changes nothing, whatever the size of transactions', async () => {
    const bad = recordingOf(records).split('\n');
    bad.splice(40, 0, 'no envelope', '{"topic":"clicks"}');
    bad.splice(120, 0, 'nor this');
    const content = bad.join('\n');
    const whole = await uninterrupted(content);
    for (let failAt = 1; ; failAt++) {
      const place = placeOf(content);
      const store = emptyStore();
      let commits = 0;
      const failing = new MemoryJournal(store, wide);
      failing.onCommit = () => {
        if (++commits === failAt) throw new Error('killed here');
      };
      const first = await run(place, { journal: failing }).catch((error: Error) => error.message);
      const other = journalConfig({ ring_max: 1_000, transaction_records: 1 + (failAt % 13) });
      const done = await run(place, { journal: new MemoryJournal(store, other), config: other });
      expect(done.status.ended).toBe(true);
      expect(essence(place, store)).toEqual(whole);
      if (first !== 'killed here') break;
    }
  });

  test('stop() finishes the transaction at hand, and the next start goes on', async () => {
    const whole = await uninterrupted();
    for (const after of [0, 1, 5]) {
      const place = placeOf(recordingOf(records));
      const store = emptyStore();
      let seen = 0;
      const stopped = await run(place, {
        journal: new MemoryJournal(store, wide),
        watch: (_, ingest) => {
          if (seen++ === after) ingest.stop();
        },
      });
      expect(stopped.status.ended).toBe(false);
      expect(stopped.counts.records).toBe(store.status.counts.records);
      expect(stopped.counts.records).toBeLessThan(190);
      await run(place, { journal: new MemoryJournal(store, wide) });
      expect(essence(place, store)).toEqual(whole);
    }
  });

  test('a file that breaks off is taken as far as it goes; the whole file then goes on', async () => {
    const content = gzipSync(recordingOf(records));
    const whole = await uninterrupted(content);
    const place = placeOf(content.subarray(0, Math.floor(content.length / 2)));
    // Not so much held back that nothing would be released before the break.
    const config = journalConfig({ ring_max: 1_000 }, { records: { lookahead: 4 } });
    const store = emptyStore();
    await expect(run(place, { journal: new MemoryJournal(store, config), config })).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
    });
    expect(store.status.counts.records).toBeGreaterThan(50);
    expect(store.status.ended).toBe(false);
    writeFileSync(place.files[0]!, content);
    await run(place, { journal: new MemoryJournal(store, config), config });
    expect(essence(place, store)).toEqual(whole);
  });

  test('at the end there is nothing to do, and more records would need another journal', async () => {
    const place = placeOf(recordingOf(records));
    const store = emptyStore();
    await run(place, { journal: new MemoryJournal(store, wide) });
    const before = essence(place, store);
    const again = await run(place, { journal: new MemoryJournal(store, wide) });
    expect(again.status).toEqual(store.status);
    expect(essence(place, store)).toEqual(before);
    writeFileSync(place.files[0]!, recordingOf(topicOf(100)));
    await expect(run(place, { journal: new MemoryJournal(store, wide) })).rejects.toMatchObject({
      code: 'JOURNAL_ENDED',
      message: expect.stringContaining('brought the journal to its end'),
    });
    expect(essence(place, store)).toEqual(before);
  });

  test('another recording is refused before anything of it is taken (promise 10)', async () => {
    const place = placeOf(recordingOf(records));
    const store = emptyStore();
    const journal = new MemoryJournal(store, wide);
    await run(place, { journal, watch: (_, ingest) => ingest.stop() });
    const before = essence(place, store);
    const later = records.map((record) => ({ ...record, timestampMs: record.timestampMs + 1 }));
    writeFileSync(place.files[0]!, recordingOf(later));
    await expect(run(place, { journal: new MemoryJournal(store, wide) })).rejects.toMatchObject({
      code: 'JOURNAL_FOREIGN',
    });
    expect(essence(place, store)).toEqual(before);
  });
});

describe('a small ring', () => {
  // Sixty-one pages are open at the end, three times the ring, and close in one batch.
  const small = journalConfig({ ring_max: 20, recent_max: 3, transaction_records: 25 });

  test('makes ingest wait, never overwrite; batches larger than it are written ahead in parts', async () => {
    const place = placeOf(recordingOf(records));
    const store = emptyStore();
    const journal = new MemoryJournal(store, small);
    let most = 0;
    journal.onCommit = () => {
      most = Math.max(most, store.status.high - store.status.low);
    };
    // The trainer: learns what is there and frees it, some steps behind.
    const room = journal.room.bind(journal);
    let waits = 0;
    journal.room = async (groups) => {
      waits++;
      const made = room(groups);
      await journal.retire(store.status.high);
      return made;
    };
    await run(place, { journal, config: small });
    expect(waits).toBeGreaterThan(3);
    expect(most).toBeLessThanOrEqual(20);
    expect(store.groups).toEqual(expectedGroups(small));
    expect(store.status).toMatchObject({ high: 90, ended: true, nextSequence: 90 });
  });

  test('stop() ends the wait; what was written ahead is taken up again', async () => {
    const whole = await uninterrupted();
    const place = placeOf(recordingOf(records));
    // Of one record: the batch after the one that waits may have no groups, and must not be written either.
    const tiny = journalConfig({ ring_max: 20, recent_max: 3, transaction_records: 1 });
    const store = emptyStore();
    for (let start = 0; ; start++) {
      const journal = new MemoryJournal(store, tiny);
      const source = await openRecordedSource(place.files, tiny.records);
      const letters = await openDeadLetters(
        join(place.directory, 'dead-letters.jsonl'),
        store.status.deadLetterBytes,
      );
      const ingest = openIngest({ config: tiny, source, journal, deadLetters: letters });
      journal.room = () => {
        ingest.stop();
        return new Promise<void>(() => {});
      };
      const done = await lastValueFrom(ingest.progress$);
      await source.close();
      await letters.close();
      if (done.status.ended) break;
      expect(start).toBeLessThan(20);
      // Between two starts the trainer has made a generation of some of it.
      await journal.retire(Math.max(store.status.low, store.status.high - 5));
    }
    expect(essence(place, store)).toEqual(whole);
  });
});

test('the same on disk', async () => {
  const place = placeOf(recordingOf(records));
  const journal = openJournal(join(place.directory, 'journal'), { config: wide, host: journalHost });
  await run(place, { journal, watch: ({ counts }, ingest) => counts.records > 60 && ingest.stop() });
  await journal.close();
  const again = openJournal(join(place.directory, 'journal'), { config: wide, host: journalHost });
  const { status } = await run(place, { journal: again });
  expect(again.read(0, 90)).toEqual(expectedGroups(wide));
  again.verify();
  expect(await uninterrupted()).toMatchObject({ status: { contentHash: status.contentHash } });
  await again.close();
});
