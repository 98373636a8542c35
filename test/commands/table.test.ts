// Invariants: columns line up, numbers to the right, no trailing blanks; sizes change their unit at 1024.
import { expect, it } from 'vitest';
import { formatTable, shortSize, shortTime } from '../../src/commands/table.ts';

it('lines columns up', () => {
  const columns = [{ title: 'name' }, { title: 'n', right: true }, { title: 'note' }];
  expect(
    formatTable(columns, [
      ['a', '1', 'x'],
      ['longer', '1000', ''],
    ]),
  ).toBe('name       n  note\na          1  x\nlonger  1000\n');
  expect(formatTable(columns, [])).toBe('name  n  note\n');
});

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [1024 ** 2, '1.0 MiB'],
  [5.5 * 1024 ** 3, '5.5 GiB'],
  [2 ** 60, '1048576.0 TiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(shortSize(bytes)).toBe(text);
});

it('shortens a time', () => {
  expect(shortTime('2026-01-01T12:30:05.250Z')).toBe('2026-01-01 12:30:05');
});
