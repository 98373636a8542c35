// label-topic.ts and group-topic.ts: the formats, byte for byte; what is written is read back; what is not
// ours is passed over (labels) or refused by name (groups), without its content.
import { describe, expect, test } from 'vitest';
import { groupMessage, readGroup } from '../../src/streams/group-topic.ts';
import { packMemory } from '../../src/streams/journal-format.ts';
import { labelMessage, readLabel } from '../../src/streams/label-topic.ts';
import { groupOf } from '../support/groups.ts';
import { recordOf } from '../support/records.ts';

describe('a label', () => {
  const label = { key: '00ff00ff00ff00ff', model: 'grader "2"', score: Math.fround(-0.1) };

  test('has this format', () => {
    const { key, value } = labelMessage(label);
    expect([key, value.toString()]).toEqual([label.key, '[1,"grader \\"2\\"",-0.10000000149011612]']);
  });

  test('is read back, to the bit', () => {
    const { key, value } = labelMessage(label);
    expect(readLabel({ key, value: value.toString() })).toEqual(label);
  });

  test.each([
    ['no key', null, '[1,"m",1]'],
    ['another key', 'secret', '[1,"m",1]'],
    ['nothing', label.key, null],
    ['no JSON', label.key, '{'],
    ['another version', label.key, '[2,"m",1]'],
    ['no number', label.key, '[1,"m",null]'],
    ['more', label.key, '[1,"m",1,1]'],
  ])('%s is none', (_, key, value) => {
    expect(readLabel({ key, value })).toBeNull();
  });
});

describe('a group', () => {
  const group = groupOf(7);

  test('has a byte for its format, then the group as the journal stores it', () => {
    const { key, value } = groupMessage(group);
    expect(key).toBe(group.queryKey);
    expect(value).toEqual(Buffer.concat([Buffer.of(1), packMemory(group)]));
  });

  test('is read back', () => {
    expect(readGroup(recordOf(0, 0, 0, { value: groupMessage(group).value }))).toEqual(group);
  });

  test.each([
    ['nothing', null],
    ['text', 'secret'],
    ['another version', Buffer.concat([Buffer.of(2), packMemory(group)])],
    ['half a group', groupMessage(group).value.subarray(0, 30)],
  ])('%s is refused', (_, value) => {
    const read = () => readGroup(recordOf(3, 5, 0, { topic: 'groups', value }));
    expect(read).toThrow(/groups has no group of format 1 at 3\/5/);
    expect(read).not.toThrow(/secret/);
  });
});
