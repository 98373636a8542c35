// A process that works on a journal, to be killed, filled up or asked. `node --import tsx journal-child.ts
// MODE DIR`
//   work  appends batch after batch for ever, with dead letters and retiring; says each one's number
//   fill  appends until it fails; says the error's code
//   read  answers each message with what it sees
import { join } from 'node:path';
import { openDeadLetters } from '../../src/streams/dead-letters.fs.ts';
import { openJournal } from '../../src/streams/journal.lmdb.ts';
import { journalHost } from '../../src/streams/journal-host.fs.ts';
import { openJournalReader } from '../../src/streams/journal-reader.lmdb.ts';
import { effectsOf, groupsFrom } from './batches.ts';
import { changesOf, groupCountOf, letterOf, retireTo, workConfig, writesAhead } from './journal-work.ts';

const [mode, directory] = process.argv.slice(2) as [string, string];
const config = workConfig();
const options = { config, host: journalHost };
const tell = (message: unknown): void => void process.send!(message);

async function work(): Promise<never> {
  const journal = openJournal(join(directory, 'journal'), options);
  const { deadLetterBytes } = journal.status();
  const letters = await openDeadLetters(join(directory, 'dead-letters.jsonl'), deadLetterBytes);
  for (let batch = journal.status().offsets['clicks/0'] ?? 0; ; batch++) {
    await journal.retire(retireTo(batch));
    const from = journal.status().nextSequence;
    const groups = groupsFrom(from, from + groupCountOf(batch));
    const letter = letterOf(batch);
    const bytes = await letters.append(letter === null ? [] : [letter]);
    const ahead = writesAhead(batch) ? groups.length >> 1 : 0;
    if (ahead > 0) await journal.append({ groups: groups.slice(0, ahead), effects: null });
    const effects = { ...effectsOf(batch + 1, changesOf(batch)), deadLetterBytes: bytes };
    await journal.append({ groups: groups.slice(ahead), effects });
    tell(batch);
  }
}

async function fill(): Promise<void> {
  const journal = openJournal(join(directory, 'journal'), options);
  try {
    for (let batch = 0; batch < 100; batch++) {
      const groups = groupsFrom(batch * 10, batch * 10 + 10);
      await journal.append({ groups, effects: effectsOf(batch + 1) });
      tell({ batches: batch + 1 });
    }
  } catch (error) {
    const again = await journal.append({ groups: [], effects: null }).catch((e: unknown) => e);
    tell({
      code: (error as { code: string }).code,
      message: (error as Error).message,
      same: again === error,
    });
  }
  await journal.close();
  process.disconnect();
}

function read(): void {
  const journal = openJournalReader(join(directory, 'journal'), options);
  process.on('message', () => {
    const { low, high, offsets } = journal.status();
    const newest = journal.read(Math.max(low, high - 3), high).map(({ query }) => query);
    tell({ low, high, offsets, newest, memory: journal.memory().length });
  });
  tell('begun');
}

if (mode === 'work') await work();
else if (mode === 'fill') await fill();
else read();
