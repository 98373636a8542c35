// Invariants 1 to 3 of remote-lists.ts on a recording, with what the other side says spoken by hand.
import { describe, expect, test } from 'vitest';
import { RestillError } from '../../src/errors.ts';
import { Packing } from '../../src/streams/columns.ts';
import { isLetter } from '../../src/streams/envelope.ts';
import type { SourceItem } from '../../src/streams/ports.ts';
import type { FromReader } from '../../src/streams/reading.ts';
import { RemoteRecording } from '../../src/streams/remote-recording.ts';
import { placed, recordOf } from '../support/records.ts';

function batch(bytesRead: number, ...offsets: number[]): FromReader {
  const packing = new Packing(1_000);
  for (const offset of offsets) packing.add(placed(recordOf(0, offset, 0)));
  return { kind: 'batch', columns: packing.columns(), bytesRead };
}

const offsetsOf = (items: SourceItem[] | null): unknown =>
  items?.map((item) => (isLetter(item) ? item.detail : item.offset));

/** One that is open, what it has said so far, and how many wait for the other side. */
async function opened(): Promise<{ recording: RemoteRecording; said: string[]; waiting: () => number }> {
  const said: string[] = [];
  let waiting = 0;
  const recording = new RemoteRecording({
    send: ({ kind }) => said.push(kind),
    waits: (by) => {
      waiting += by;
    },
  });
  const opening = recording.open('clicks.jsonl', 1_000);
  recording.take({ kind: 'opened', bytesTotal: 100 });
  await opening;
  return { recording, said, waiting: () => waiting };
}

const lost = new RestillError('BUG', 'the thread died');

describe('1: what was read before a break comes first', () => {
  test('then the error, as often as asked', async () => {
    const { recording } = await opened();
    const failure = { code: 'INPUT_UNREADABLE', message: 'breaks off', cause: null } as const;
    for (const message of [batch(10, 0, 1), batch(20, 2)]) recording.take(message);
    recording.take({ kind: 'failed', failure, bytesRead: 30 });
    expect(offsetsOf(await recording.read())).toEqual([0, 1]);
    expect(recording.bytesRead).toBe(10);
    expect(offsetsOf(await recording.read())).toEqual([2]);
    const { code, message } = failure;
    for (let again = 0; again < 2; again++)
      await expect(recording.read()).rejects.toMatchObject({ code, message });
    expect(recording.bytesRead).toBe(30);
  });

  test('also where the other side is lost', async () => {
    const { recording } = await opened();
    recording.take(batch(10, 0));
    recording.lose(lost);
    expect(offsetsOf(await recording.read())).toEqual([0]);
    await expect(recording.read()).rejects.toBe(lost);
    expect(recording.bytesRead).toBe(10);
  });

  test('and the end stays the end when the other side is lost after it', async () => {
    const { recording } = await opened();
    recording.take({ kind: 'ended', bytesRead: 100 });
    recording.lose(lost);
    expect([await recording.read(), await recording.read()]).toEqual([null, null]);
    expect(recording.bytesRead).toBe(100);
  });
});

test('2: three batches are wanted, and one more for each that is taken', async () => {
  const { recording, said } = await opened();
  expect(said).toEqual(['open', 'want', 'want', 'want']);
  recording.take(batch(10, 0));
  recording.take(batch(20, 1));
  expect(said.length).toBe(4);
  await recording.read();
  expect(said.slice(4)).toEqual(['want']);
});

describe('3: who waits hears of it', () => {
  test('that there is a batch', async () => {
    const { recording, waiting } = await opened();
    const reading = recording.read();
    expect(waiting()).toBe(1);
    recording.take(batch(10, 7));
    expect(offsetsOf(await reading)).toEqual([7]);
    expect(waiting()).toBe(0);
  });

  test('that it is being closed, and who closes it, when it is', async () => {
    const { recording, said, waiting } = await opened();
    const reading = recording.read();
    const closing = [recording.close(), recording.close()];
    expect(await reading).toBeNull();
    expect(waiting()).toBe(2);
    recording.take(batch(10, 0));
    expect(await recording.read()).toBeNull();
    recording.take({ kind: 'closed' });
    await Promise.all(closing);
    expect(said.filter((kind) => kind === 'close').length).toBe(1);
    expect(waiting()).toBe(0);
  });

  test('that the other side is lost, whether it opens, reads or closes', async () => {
    const unopened = new RemoteRecording({ send: () => {}, waits: () => {} });
    const opening = unopened.open('clicks.jsonl', 1_000);
    unopened.lose(lost);
    await expect(opening).rejects.toBe(lost);
    const { recording } = await opened();
    const reading = recording.read();
    recording.lose(lost);
    await expect(reading).rejects.toBe(lost);
    await recording.close();
  });
});
