// openMergeBatching of batch.ts: pages become groups; one made with other settings ends the run by name; what
// no builder wrote is a dead letter.
import { expect, test } from 'vitest';
import { openMergeBatching } from '../../src/streams/batch.ts';
import { settingsOf } from '../../src/streams/building.ts';
import { noCounts } from '../../src/streams/counts.ts';
import { fingerprintOf } from '../../src/streams/resume.ts';
import { journalConfig, placed, recordOf } from '../support/records.ts';

const config = journalConfig();
const status = {
  ...{ low: 0, high: 0, ended: false, contentHash: '', offsets: {}, counts: noCounts(), fingerprints: {} },
  ...{ topic: null, unplaced: 0, deadLetterBytes: 0, nextSequence: 0 },
};
const page = (offset: number, key: string, value: string) =>
  placed(recordOf(0, offset, 1_000, { topic: config.roles.pages, key, value }));
const visit = '["clicks/2",7,1000,"5e","9a",0,0,null,0,500,100,1]';
const closed = `[1,"closed","i",${visit},["red shoes",1,"d","Shoe","Red",2,"e","Boot","Red"]]`;

test('pages become groups, others letters', () => {
  const batching = openMergeBatching(config, { status, saved: [], gaps: 'judged' });
  const key = settingsOf(config);
  const items = [page(0, key, '[1,"issued","9a","77"]'), page(1, key, closed), page(3, key, 'else')];
  batching.feed(items);
  const { groups, letters, effects } = batching.harvest()!;
  expect(groups).toMatchObject([
    { sequence: 0, impressionId: 'i', origin: { topic: 'clicks', partition: 2, offset: 7 }, pairs: [0] },
  ]);
  expect(letters).toMatchObject([{ reason: 'malformed', record: { offset: 3 } }]);
  expect(effects.offsets).toEqual({ 'restill.pages/0': 4 });
});

test('other settings end it', () => {
  const batching = openMergeBatching(config, { status, saved: [], gaps: 'judged' });
  const feed = () => batching.feed([page(0, 'other settings', closed)]);
  expect(feed).toThrow(/handed over \(other settings, expected [0-9a-f]{16}, at 0\/0\)/);
});

test('what is ended by an error is taken up where it ended, not at what was refused', () => {
  const batching = openMergeBatching(config, { status, saved: [], gaps: 'judged' });
  const taken = page(0, settingsOf(config), closed);
  const refused = page(1, 'other settings', closed);
  expect(() => batching.feed([taken, refused])).toThrow('other settings');
  expect(batching.harvest()?.effects).toMatchObject({
    offsets: { 'restill.pages/0': 1 },
    fingerprints: { 'restill.pages/0': fingerprintOf(taken) },
  });
});
