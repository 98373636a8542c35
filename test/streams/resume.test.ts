// Invariants 1 and 2 of resume.ts (promises 1 and 10): what was taken is passed over, and only if it is the
// same.
import { describe, expect, test } from 'vitest';
import type { SourceRecord } from '../../src/contract.ts';
import { checksumOf } from '../../src/streams/checksum.ts';
import { badLine } from '../../src/streams/envelope.ts';
import { fingerprintOf, openResume, type Resume, type ResumePoint } from '../../src/streams/resume.ts';
import { placed, recordOf } from '../support/records.ts';

const begin = { offsets: {}, fingerprints: {}, unplaced: 0, gaps: 'refused' } as const;
const start: ResumePoint = { topic: null, documents: null, ...begin };
const at = (offset: number, change: Partial<SourceRecord> = {}, partition = 0) =>
  placed(recordOf(partition, offset, 100 + offset, change));
/** Whether it was new; then it has had its effect. */
function take(resume: Resume, record: ReturnType<typeof at>): boolean {
  const isNew = resume.admit(record);
  if (isNew) resume.took(record);
  return isNew;
}
const admitted = (resume: Resume, ...offsets: number[]): number[] =>
  offsets.filter((offset) => take(resume, at(offset)));

/** After offsets 0 to 4 of partition 0 were taken. */
const after: ResumePoint = {
  ...{ topic: 'clicks', documents: 'docs' },
  offsets: { 'clicks/0': 5 },
  fingerprints: { 'clicks/0': fingerprintOf(at(4)) },
  unplaced: 2,
  gaps: 'refused',
};

test('at the beginning everything is new, wherever offsets begin and whatever is missing between', () => {
  const resume = openResume(start);
  expect(admitted(resume, 7, 8, 12)).toEqual([7, 8, 12]);
  expect(resume.topic).toBe('clicks');
  expect(resume.fingerprints()).toEqual({ 'clicks/0': fingerprintOf(at(12)) });
  expect(resume.fingerprints()).toEqual({});
  resume.finish();
});

test('1: passes over what was taken; the same records make the same fingerprints', () => {
  const resume = openResume(after);
  expect(admitted(resume, 0, 1, 2, 3, 4)).toEqual([]);
  resume.finish();
  expect(admitted(resume, 5, 6, 9)).toEqual([5, 6, 9]);
  expect(take(resume, at(0, {}, 1))).toBe(true);
  expect(resume.admit(at(1, {}, 1))).toBe(true); // And then decoding it failed, say.
  expect(resume.fingerprints()).toEqual({
    'clicks/0': fingerprintOf(at(9)),
    'clicks/1': fingerprintOf(at(0, {}, 1)),
  });
});

test('1: lines without a place are counted', () => {
  const resume = openResume(after);
  expect([1, 2, 3, 4].map(() => resume.admitUnplaced())).toEqual([false, false, true, true]);
  expect(resume.unplaced).toBe(4);
});

describe('2', () => {
  const foreign = expect.objectContaining({ code: 'JOURNAL_FOREIGN' });

  test('another record at the newest offset is foreign', () => {
    for (const change of [{ value: 'other' }, { value: null }, { key: 'k' }, { timestampMs: 1 }])
      expect(() => admitted(openResume(after), 3) && openResume(after).admit(at(4, change))).toThrow(foreign);
  });

  test('a recording that goes on elsewhere follows on, without a gap', () => {
    expect(admitted(openResume(after), 5, 6)).toEqual([5, 6]);
    expect(() => admitted(openResume(after), 6)).toThrow(
      expect.objectContaining({
        code: 'OFFSET_GAP',
        message: expect.stringContaining('clicks/0 goes on at offset 6'),
      }),
    );
  });

  test('a recording without the newest record is foreign', () => {
    expect(() => admitted(openResume(after), 3, 5)).toThrow(foreign);
    const short = openResume(after);
    admitted(short, 0, 1);
    expect(() => short.finish()).toThrow(foreign);
  });

  test('a partition that does not come at all is no contradiction', () => {
    const resume = openResume(after);
    resume.admit(at(0, {}, 1));
    resume.finish();
  });

  test('another topic is foreign, the configured one like the one met first', () => {
    expect(() => openResume({ ...start, topic: 'views' }).admit(at(0))).toThrow('"clicks", expected "views"');
    const resume = openResume(start);
    resume.admit(at(0));
    expect(() => resume.admit(at(1, { topic: 'views' }))).toThrow(foreign);
  });
});

describe('a topic of documents', () => {
  const documents: ResumePoint = {
    ...after,
    offsets: { 'clicks/0': 5, 'docs/0': 3 },
    fingerprints: { ...after.fingerprints, 'docs/0': fingerprintOf(at(2, { topic: 'docs' })) },
  };
  const doc = (offset: number, change: Partial<SourceRecord> = {}) =>
    at(offset, { topic: 'docs', ...change });

  test('goes beside the events, which it does not name', () => {
    const resume = openResume({ ...start, documents: 'docs' });
    expect(take(resume, doc(0))).toBe(true);
    expect(resume.topic).toBeNull();
    expect(take(resume, at(0))).toBe(true);
    expect(resume.topic).toBe('clicks');
    expect(Object.keys(resume.fingerprints()).sort()).toEqual(['clicks/0', 'docs/0']);
  });

  test('is taken up by itself, and what compaction has taken out of it is not missed', () => {
    const resume = openResume(documents);
    expect([0, 1, 7].map((offset) => resume.admit(doc(offset)))).toEqual([false, false, true]);
    expect(admitted(resume, 4, 5)).toEqual([5]);
    resume.finish();
    const gone = openResume(documents);
    expect(gone.admit(doc(1))).toBe(false);
    gone.finish();
  });

  test('may not say something else', () => {
    expect(() => openResume(documents).admit(doc(2, { value: 'other' }))).toThrow('docs/0 is another one');
  });
});

test('a fingerprint is of time, key and value, also of a record that is none after all', () => {
  expect(fingerprintOf(placed(recordOf(0, 3, 7, { key: 'a', value: 'b' })))).toBe('3:7:15e87871');
  expect(fingerprintOf(placed(recordOf(0, 3, 7, { key: 'ab', value: null })))).toBe('3:7:e19f7120');
  const line = Buffer.from('{"topic":');
  const letter = badLine(line, { file: 'f', line: 1 }, 'not JSON');
  const bad = { ...placed(recordOf(0, 3, 7)), open: () => letter, checksum: () => checksumOf(letter) };
  expect(fingerprintOf(bad)).toBe(fingerprintOf(placed(recordOf(0, 3, 7, { value: line }))));
});
