// Invariants:
// - current.json has these bytes, and any other byte is damage: a wrong pointer must not serve a wrong
//   generation
// - its error names the file
import { expect, it } from 'vitest';
import { generationId } from '../../src/checkpoint/generation.ts';
import { decodePointer, encodePointer } from '../../src/checkpoint/pointer.ts';
import { seal } from '../../src/checkpoint/sealed-json.ts';

const bytes = Buffer.from(encodePointer(generationId(3), generationId(5), 1_767_225_600_000));

it('is pinned by golden bytes', () => {
  expect(bytes.toString()).toBe(`{
  "id": "g000003",
  "newest": "g000005",
  "sha256": "a0c253e447170ff8028288580795c2bff906ead9eae4b701a1a6845ea96e7ca2",
  "since": "2026-01-01T00:00:00.000Z",
  "version": 1
}
`);
  expect(decodePointer(bytes, 'current.json')).toEqual({
    version: 1,
    id: 'g000003',
    newest: 'g000005',
    since: '2026-01-01T00:00:00.000Z',
  });
});

it('another generation by one flipped digit is damage', () => {
  const flipped = Buffer.from(bytes.toString().replace('g000003', 'g000002'));
  expect(() => decodePointer(flipped, '/data/current.json')).toThrow(/\/data\/current\.json does not match/);
});

it.each([
  ['another version', { version: 2, id: 'g000003', newest: 'g000003', since: '2026-01-01T00:00:00.000Z' }],
  ['an id that is none', { version: 1, id: 'g3', newest: 'g000003', since: '2026-01-01T00:00:00.000Z' }],
  [
    'a field too many',
    { version: 1, id: 'g000003', newest: 'g000003', since: '2026-01-01T00:00:00.000Z', more: 1 },
  ],
])('refuses %s, however well sealed', (_, fields) => {
  expect(() => decodePointer(seal(fields), 'current.json')).toThrow(
    expect.objectContaining({ code: 'GENERATION_DAMAGED' }),
  );
});
