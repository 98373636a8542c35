// What only the journal on disk can do wrong; test/conformance/journal.ts has the rest. Numbers cite the
// invariants of journal.lmdb.ts.

import { spawn } from 'node:child_process';
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { open } from 'lmdb';
import { describe, expect, it } from 'vitest';
import { openJournal } from '../../src/streams/journal.lmdb.ts';
import { journalHost } from '../../src/streams/journal-host.fs.ts';
import { openJournalReader } from '../../src/streams/journal-reader.lmdb.ts';
import type { Journal, JournalHost } from '../../src/streams/ports.ts';
import { effectsOf, entry, groupsFrom } from '../support/batches.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { killed, messages, startChild, workConfig } from '../support/journal-work.ts';
import { journalConfig } from '../support/records.ts';

const config = journalConfig();
const options = { config, host: journalHost };

/** A journal with groups in the ring and in the memory, and state; closed. */
async function filled(directory: string): Promise<void> {
  const journal = openJournal(directory, options);
  const changes = [entry('sessions', 2, 'a'), entry('queries', 5, 'b')];
  await journal.append({ groups: groupsFrom(0, 12), effects: effectsOf(12, changes) });
  await journal.retire(8);
  await journal.close();
}

/** Changes stored values behind the journal's back. */
async function tamper(directory: string, table: string, change: (raw: Raw) => void): Promise<void> {
  const root = open<Buffer, number>({ path: directory, noSubdir: false, maxDbs: 16, overlappingSync: false });
  const raw = root.openDB<Buffer, Key>(table, { encoding: 'binary' });
  change({
    keys: () => [...raw.getKeys()],
    get: (key) => Buffer.from(raw.get(key)!),
    put: (key, value) => raw.putSync(key, value),
    remove: (key) => raw.removeSync(key),
  });
  await root.close();
}

type Key = number | string | [segment: number, reference: string];

interface Raw {
  keys(): Key[];
  get(key: Key): Buffer;
  put(key: Key, value: Buffer): void;
  remove(key: Key): void;
}

/** Everything that can be asked of a journal. */
async function readAll(directory: string): Promise<void> {
  const journal = openJournal(directory, options);
  try {
    const { low, high } = journal.status();
    journal.read(low, high);
    journal.recall(journal.memory());
    for (const _ of journal.loadState());
    journal.verify();
  } finally {
    await journal.close();
  }
}

describe('damage (invariant 5)', () => {
  const flipped = (slot: number | string, at: number) => (raw: Raw) => {
    const value = raw.get(slot);
    value[at]! ^= 0x10;
    raw.put(slot, value);
  };
  /** Of group 10: the ring of 20 has segments of two groups. */
  const documentKey = (raw: Raw, index = 0): Key =>
    raw.keys().filter((key) => Array.isArray(key) && key[0] === 5)[index]!;
  const flippedDocument = (raw: Raw): void => {
    const value = raw.get(documentKey(raw));
    value[20]! ^= 1;
    raw.put(documentKey(raw), value);
  };
  const swappedDocuments = (raw: Raw): void => raw.put(documentKey(raw), raw.get(documentKey(raw, 1)));
  const cases: [area: string, table: string, named: string, change: (raw: Raw) => void][] = [
    ['a group in the ring', 'ring', 'ring 9', flipped(9, 200)],
    ['its chain', 'ring', 'ring 9', flipped(9, 10)],
    ['its checksum', 'ring', 'ring 9', flipped(9, 0)],
    ['a group cut short', 'ring', 'ring 9', (raw) => raw.put(9, raw.get(9).subarray(0, 90))],
    ['nearly nothing of it', 'ring', 'ring 9', (raw) => raw.put(9, Buffer.from([1]))],
    ['a group gone', 'ring', 'ring 9', (raw) => raw.remove(9)],
    ['a sound group in another slot', 'ring', 'ring 9', (raw) => raw.put(9, raw.get(8))],
    ['a group in the memory', 'memory', 'memory 2', flipped(2, 100)],
    ['who is in the memory', 'members', 'members 2', flipped(2, 5)],
    ['a document', 'documents', 'documents 5,', flippedDocument],
    ['a document gone', 'documents', 'documents 5,', (raw) => raw.remove(documentKey(raw))],
    ['a sound document in another place', 'documents', 'documents 5,', swappedDocuments],
    ['state', 'state-sessions', 'sessions 2', flipped(2, 4)],
    ['the status', 'meta', 'meta status', flipped('status', 30)],
    ['the identity', 'meta', 'meta identity', flipped('identity', 30)],
    ['the status gone', 'meta', 'meta status', (raw) => raw.remove('status')],
  ];
  it.each(cases)('is named: %s', async (_, table, named, change) => {
    const directory = temporaryDirectory();
    await filled(directory);
    await readAll(directory);
    await tamper(directory, table, change);
    await expect(readAll(directory)).rejects.toMatchObject({
      code: 'JOURNAL_DAMAGED',
      message: expect.stringContaining(named),
    });
  });

  it('is found in the file itself', async () => {
    const directory = temporaryDirectory();
    await filled(directory);
    const file = join(directory, 'data.mdb');
    const bytes = readFileSync(file);
    // All copies: pages that LMDB has let go hold older ones.
    const damagedBytes = Buffer.from(
      bytes.toString('latin1').replaceAll('summary of 10', 'Summary of 10'),
      'latin1',
    );
    expect(damagedBytes).not.toEqual(bytes);
    writeFileSync(file, damagedBytes);
    await expect(readAll(directory)).rejects.toMatchObject({ code: 'JOURNAL_DAMAGED' });
  });

  it.each([
    ['the second half missing', (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
    ['all but the head missing', (bytes: Buffer) => bytes.subarray(0, 8192)],
    ['the head cut', (bytes: Buffer) => bytes.subarray(0, 5000)],
    ['a few bytes left', (bytes: Buffer) => bytes.subarray(0, 10)],
    ['the head overwritten', (bytes: Buffer) => Buffer.from(bytes).fill(0xab, 0, 8192)],
    ['something else', () => Buffer.alloc(20_000, 'not a journal ')],
  ])('is an error, not a crash: %s', async (_, change) => {
    const directory = temporaryDirectory();
    await filled(directory);
    const file = join(directory, 'data.mdb');
    writeFileSync(file, change(readFileSync(file)));
    await expect(readAll(directory)).rejects.toMatchObject({ code: 'JOURNAL_DAMAGED' });
  });

  it('is named: a sound group of an earlier turn of the ring in its slot', async () => {
    const directory = temporaryDirectory();
    await filled(directory);
    let old: Buffer = Buffer.alloc(0);
    await tamper(directory, 'ring', (raw) => {
      old = raw.get(9);
    });
    const journal = openJournal(directory, options);
    await journal.retire(12);
    await journal.append({ groups: groupsFrom(12, 29), effects: effectsOf(29) });
    await journal.retire(29);
    await journal.append({ groups: groupsFrom(29, 31), effects: effectsOf(31) });
    expect(journal.read(29, 30)).toEqual(groupsFrom(29, 30));
    await journal.close();
    await tamper(directory, 'ring', (raw) => raw.put(9, old));
    await expect(readAll(directory)).rejects.toThrow('ring 9: holds group 9, expected 29');
  });

  it('an empty file is a journal that was killed when it was made', async () => {
    const directory = temporaryDirectory();
    await filled(directory);
    truncateSync(join(directory, 'data.mdb'), 0);
    rmSync(join(directory, 'lock.mdb'));
    const journal = openJournal(directory, options);
    expect(journal.status().high).toBe(0);
    await journal.close();
  });
});

describe('belonging', () => {
  const other = (change: Record<string, unknown>): typeof options => ({
    ...options,
    config: journalConfig({}, change),
  });

  it.each([
    [{ join: { window: '31m' } }, 'join.window is 1860000, was 1800000'],
    [{ seed: 2 }, 'seed is 2, was 1'],
    [{ topic: 'other' }, 'topic is "other", was null'],
    [{ records: { lookahead: 7 } }, `records.lookahead is 7, was ${config.records.lookahead}`],
    [{ propensity: { table: [1, 0.5] } }, 'propensity.table is [1,0.5]'],
  ])('is refused with what differs: %o', async (change, difference) => {
    const directory = temporaryDirectory();
    await filled(directory);
    const refused = { code: 'JOURNAL_FOREIGN', message: expect.stringContaining(difference) };
    expect(() => openJournal(directory, other(change))).toThrow(expect.objectContaining(refused));
    expect(() => openJournalReader(directory, other(change))).toThrow(expect.objectContaining(refused));
    // And the refusal has changed nothing.
    await readAll(directory);
  });

  it('is refused for other sizes, allowed for what only paces the work', async () => {
    const directory = temporaryDirectory();
    await filled(directory);
    const sized = (sizes: object): typeof options => ({ ...options, config: journalConfig(sizes) });
    expect(() => openJournal(directory, sized({ ring_max: 21 }))).toThrow('journal.ring_max is 21, was 20');
    expect(() => openJournal(directory, sized({ memory_max: 5 }))).toThrow('journal.memory_max is 5, was 6');
    await openJournal(directory, sized({ recent_max: 4, transaction_records: 7 })).close();
  });
});

describe('the lock', () => {
  const host = (self: string, alive: readonly string[]): JournalHost => ({
    ...journalHost,
    self,
    isAlive: (described) => alive.includes(described),
  });

  it('holds while its process lives, and in the same process too', async () => {
    const directory = temporaryDirectory();
    const journal = openJournal(directory, options);
    expect(() => openJournal(directory, options)).toThrow(
      expect.objectContaining({ code: 'JOURNAL_LOCKED' }),
    );
    // The one who has it can go on.
    await journal.append({ groups: groupsFrom(0, 1), effects: effectsOf(1) });
    await journal.close();
    await openJournal(directory, options).close();
  });

  it('of another one is not taken along by who leaves without having written', async () => {
    const directory = temporaryDirectory();
    const first = openJournal(directory, { config, host: host('first', []) });
    const second = openJournal(directory, { config, host: host('second', []) });
    await first.close();
    expect(() => openJournal(directory, { config, host: host('third', ['second']) })).toThrow(
      expect.objectContaining({ code: 'JOURNAL_LOCKED' }),
    );
    await second.close();
  });

  it('of a dead process is taken over; should it live after all, it cannot write any more', async () => {
    const directory = temporaryDirectory();
    const first = openJournal(directory, { config, host: host('first', []) });
    await first.append({ groups: groupsFrom(0, 1), effects: effectsOf(1) });
    const second = openJournal(directory, { config, host: host('second', []) });
    const refused = { code: 'JOURNAL_LOCKED' };
    await expect(first.append({ groups: groupsFrom(1, 2), effects: effectsOf(2) })).rejects.toMatchObject(
      refused,
    );
    await expect(first.retire(0)).rejects.toMatchObject(refused);
    await second.append({ groups: groupsFrom(1, 3), effects: effectsOf(3) });
    await first.close();
    // Leaving, the first one has not taken the lock of the second with it.
    expect(() => openJournal(directory, { config, host: host('third', ['second']) })).toThrow(
      expect.objectContaining(refused),
    );
    expect(second.read(0, 3)).toEqual(groupsFrom(0, 3));
    await second.close();
  });
});

it('a reader in another process sees what is durable at once, also after the file has grown', {
  timeout: 60_000,
}, async () => {
  const directory = temporaryDirectory();
  const journalDirectory = join(directory, 'journal');
  const work = { config: workConfig(), host: journalHost };
  expect(() => openJournalReader(journalDirectory, work)).toThrow('there is no journal');
  const journal = openJournal(journalDirectory, work);
  const child = startChild('read', directory);
  try {
    expect(await messages(child, 1)).toEqual(['begun']);
    const before = statSync(join(journalDirectory, 'data.mdb')).size;
    for (const high of [3, 10, 500, 3_000]) {
      const { nextSequence } = journal.status();
      for (let from = nextSequence; from < high; from += 500)
        await journal.append({
          groups: groupsFrom(from, Math.min(high, from + 500)),
          effects: effectsOf(high),
        });
      await journal.retire(high);
      const { low } = journal.status();
      const heard = messages(child, 1);
      child.send('look');
      expect(await heard).toEqual([
        {
          ...{ low, high, offsets: { 'clicks/0': high }, memory: Math.min(900, low) },
          newest: groupsFrom(high - 3, high).map(({ query }) => query),
        },
      ]);
    }
    expect(statSync(join(journalDirectory, 'data.mdb')).size).toBeGreaterThan(10 * before);
  } finally {
    await killed(child);
    await journal.close();
  }
});

it('a full disk is an error that keeps everything before it (invariants 1 and 6)', {
  timeout: 60_000,
}, async () => {
  const directory = temporaryDirectory();
  const program = fileURLToPath(new URL('../support/journal-child.ts', import.meta.url));
  // Files of at most 300 KiB: to the process the same as a disk that takes no more.
  const command = 'ulimit -f 300; exec "$0" --import tsx "$1" fill "$2"';
  const child = spawn('bash', ['-c', command, process.execPath, program, directory], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const heard = await messages(child, 1_000);
  expect(heard.at(-1)).toEqual({
    code: 'STORE_WRITE_FAILED',
    message: expect.stringContaining('free disk space'),
    same: true,
  });
  const { batches } = heard.at(-2) as { batches: number };
  expect(batches).toBeGreaterThan(2);
  const journal: Journal = openJournal(join(directory, 'journal'), {
    config: workConfig(),
    host: journalHost,
  });
  expect(journal.status()).toMatchObject({ high: batches * 10, offsets: { 'clicks/0': batches } });
  expect(journal.read(0, batches * 10)).toEqual(groupsFrom(0, batches * 10));
  await journal.close();
});

it('a place that cannot be written is named', () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'file'), '');
  expect(() => openJournal(join(directory, 'file'), options)).toThrow(
    expect.objectContaining({ code: 'STORE_WRITE_FAILED' }),
  );
  expect(() => openJournal(join(directory, 'file', 'journal'), options)).toThrow(
    expect.objectContaining({ code: 'STORE_WRITE_FAILED', message: expect.stringContaining('directory') }),
  );
});

it('the file stays flat over many turns of the ring (promise 11)', async () => {
  const directory = temporaryDirectory();
  const journal = openJournal(directory, options);
  const sizes: number[] = [];
  for (let high = 0; high < 3_000; high += 10) {
    const changes = [entry('sessions', (high / 10) % 7, 'y'.repeat((high * 7) % 3_000))];
    await journal.append({ groups: groupsFrom(high, high + 10), effects: effectsOf(high, changes) });
    await journal.retire(high + 10);
    sizes.push(statSync(join(directory, 'data.mdb')).size);
  }
  expect(sizes.at(-1)).toBeLessThanOrEqual(sizes[100]! * 1.1);
  await journal.close();
});
