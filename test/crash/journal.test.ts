// kill -9 of a process that does nothing but write to a journal, again and again (promises 1, 2 and 5). After
// each kill
// - groups, state, counts, offsets and the length of the dead letters are those of the same number of batches
// - every group is there once and unchanged, in the ring or, if it is to be remembered, in the memory
// - the content hash is the chain over all groups, and the ring's own chain leads to it
// - the lock died with the process
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hash32 } from '../../src/hash.ts';
import { randomFor } from '../../src/random.ts';
import { openDeadLetters } from '../../src/streams/dead-letters.fs.ts';
import { openJournal } from '../../src/streams/journal.lmdb.ts';
import { encodeGroup } from '../../src/streams/journal-format.ts';
import { journalHost } from '../../src/streams/journal-host.fs.ts';
import type { Journal } from '../../src/streams/ports.ts';
import { groupsFrom } from '../support/batches.ts';
import { temporaryDirectory } from '../support/directory.ts';
import {
  groupCountOf,
  killed,
  letterOf,
  messages,
  retireTo,
  sequenceOf,
  startChild,
  stateAt,
  workConfig,
  writesAhead,
} from '../support/journal-work.ts';

const kills = 20;
const config = workConfig();

it(`a journal is whole after each of ${kills} kills`, { timeout: 300_000 }, async () => {
  const directory = temporaryDirectory();
  // How many batches the process may write is seeded; where in the next one it is killed is up to the
  // machine.
  const random = randomFor(1, 'kill');
  let batches = 0;
  for (let kill = 0; kill < kills; kill++) {
    const child = startChild('work', directory);
    const told = await messages(child, 1 + random.below(15));
    await killed(child);
    const after = await check(directory);
    expect(after).toBeGreaterThan(told.at(-1) as number);
    batches = after;
  }
  expect(retireTo(batches)).toBeGreaterThan(1_000);
});

/** @returns the number of batches that are there. */
async function check(directory: string): Promise<number> {
  const journal = openJournal(join(directory, 'journal'), { config, host: journalHost });
  const { offsets, counts, high, nextSequence, deadLetterBytes } = journal.status();
  const batches = offsets['clicks/0'] ?? 0;
  expect(counts.records).toBe(batches);
  expect(nextSequence).toBe(sequenceOf(batches));
  const ahead = writesAhead(batches) ? groupCountOf(batches) >> 1 : 0;
  expect([nextSequence, nextSequence + ahead]).toContain(high);

  expect(stateOf(journal)).toEqual(stateAt(batches));
  await checkGroups(journal, batches);
  await journal.close();

  const path = join(directory, 'dead-letters.jsonl');
  await (await openDeadLetters(path, deadLetterBytes)).close();
  const letters = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const details = letters.map((line) => (JSON.parse(line) as { detail: string }).detail);
  const expected = Array.from({ length: batches }, (_, batch) => letterOf(batch)?.detail);
  expect(details).toEqual(expected.filter((detail) => detail !== undefined));
  return batches;
}

async function checkGroups(journal: Journal, batches: number): Promise<void> {
  const { low, high, contentHash } = journal.status();
  const groups = groupsFrom(0, high);
  let chain: Buffer = Buffer.alloc(32);
  for (const group of groups) chain = createHash('sha256').update(chain).update(encodeGroup(group)).digest();
  expect(contentHash).toBe(chain.toString('hex'));
  expect(journal.read(low, high)).toEqual(groups.slice(low));
  journal.verify();

  // Retiring may have been cut short, at the boundary of a transaction; the same call brings it to its end.
  const rank = (sequence: number): number => hash32(`memory ${sequence}`, config.seed);
  const remembered = (count: number): number[] =>
    Array.from({ length: count }, (_, sequence) => sequence)
      .sort((a, b) => rank(a) - rank(b))
      .slice(0, config.journal.memoryMax)
      .sort((a, b) => a - b);
  expect(journal.memory()).toEqual(remembered(low));
  await journal.retire(retireTo(batches));
  expect(journal.status().low).toBe(Math.max(0, retireTo(batches) - config.journal.recentMax));
  expect(journal.memory()).toEqual(remembered(journal.status().low));
  expect(journal.recall(journal.memory())).toEqual(journal.memory().map((sequence) => groups[sequence]));
}

const stateOf = (journal: Journal): Map<string, string> =>
  new Map(
    [...journal.loadState()].map(({ table, slot, value }) => [
      `${table}/${slot}`,
      Buffer.from(value!).toString(),
    ]),
  );
