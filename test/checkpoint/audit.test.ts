// The invariants of audit.ts: every byte that is changed, every line that is removed, inserted or moved
// shows; a crash in the middle of a line and two writers in one moment are no damage. What served before
// follows from the moves that took effect; a second rollback goes a step further back.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AuditEntry,
  type AuditLine,
  decodeAudit,
  encodeEntry,
  movesIn,
  previouslyLive,
} from '../../src/checkpoint/audit.ts';
import { generationId } from '../../src/checkpoint/generation.ts';
import type { GenerationId } from '../../src/contract.ts';

const g = generationId;
const entry = (
  action: AuditEntry['action'],
  generation: GenerationId,
  from: GenerationId | null,
): AuditEntry => ({
  version: 1,
  at: '2026-01-01T00:00:00.000Z',
  by: 'alice',
  action,
  generation,
  from,
  cursor: 100,
  reason: 'crème brûlée ranks low',
});
const append = (before: Uint8Array, added: AuditEntry): Buffer =>
  Buffer.concat([before, encodeEntry(added, before)]);
const fileOf = (...entries: AuditEntry[]): Buffer => entries.reduce(append, Buffer.alloc(0));

const five = [
  entry('promote', g(1), null),
  entry('promote', g(2), g(1)),
  entry('pin', g(1), g(2)),
  entry('promote', g(4), g(2)),
  entry('rollback', g(2), g(4)),
];

describe('the file', () => {
  it('comes back as it was written', () => {
    const { entries, problems } = decodeAudit(fileOf(...five));
    expect(problems).toEqual([]);
    expect(entries).toEqual(five.map((each) => ({ ...each, overtaken: false })));
    expect(decodeAudit(new Uint8Array(0))).toMatchObject({ entries: [], problems: [] });
  });

  it('has one line for each entry, in the format of version 1', () => {
    expect(fileOf(five[0]!).toString()).toBe(
      '{"version":1,"at":"2026-01-01T00:00:00.000Z","by":"alice","action":"promote","generation":"g000001",' +
        '"from":null,"cursor":100,"reason":"crème brûlée ranks low",' +
        '"chain":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",' +
        '"sha256":"abf438082b1c09ed6defc12baacb5310a746660bc2ce7edef2cf29cd43f5dbe8"}\n',
    );
  });

  it.each([0, 1, 2, 3])('shows that line %d was removed', (removed) => {
    const lines = fileOf(...five)
      .toString()
      .split('\n');
    const text = lines.filter((_, i) => i !== removed).join('\n');
    expect(decodeAudit(Buffer.from(text)).problems).not.toEqual([]);
  });

  it('shows that two lines changed places, and that one was put in', () => {
    const [a, b, c] = fileOf(...five.slice(0, 3))
      .toString()
      .split('\n');
    expect(decodeAudit(Buffer.from(`${a}\n${c}\n${b}\n`)).problems).not.toEqual([]);
    const forged = encodeEntry(entry('promote', g(9), g(1)), Buffer.from(`${a}\n`));
    expect(decodeAudit(Buffer.from(`${a}\n${forged}${b}\n${c}\n`)).problems).not.toEqual([]);
  });

  it('shows a change of any byte', () => {
    const bytes = fileOf(...five);
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 2 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(bytes);
        changed[at] = changed[at]! ^ by;
        const { problems, entries } = decodeAudit(changed);
        expect(problems.length > 0 || entries.length < five.length).toBe(true);
        // At the very end, a line that is not one is what a crash leaves.
        if (at < bytes.lastIndexOf('\n', -2)) expect(problems).not.toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('may end in the middle of a line, anywhere, and goes on after it', () => {
    const whole = fileOf(...five);
    const start = fileOf(...five.slice(0, 4)).length;
    for (let end = start; end < whole.length - 1; end++) {
      const cut = whole.subarray(0, end);
      expect(decodeAudit(cut)).toMatchObject({ problems: [], entries: { length: 4 } });
      const more = append(cut, five[4]!);
      expect(decodeAudit(more)).toMatchObject({ problems: [], entries: { length: 5 } });
      expect(decodeAudit(append(more, five[3]!)).problems).toEqual([]);
    }
  });

  it('says which of two that were written in one moment was overtaken', () => {
    const before = fileOf(five[0]!);
    const one = encodeEntry(entry('promote', g(2), g(1)), before);
    const other = encodeEntry(entry('rollback', g(3), g(1)), before);
    const both = Buffer.concat([before, one, other]);
    const { entries, problems } = decodeAudit(both);
    expect(problems).toEqual([]);
    expect(entries.map(({ overtaken }) => overtaken)).toEqual([false, false, true]);
    expect(movesIn(entries, g(2)).map(({ generation }) => generation)).toEqual([g(1), g(2)]);
    // Later lines cover both.
    const later = append(both, five[1]!).toString().split('\n');
    later.splice(2, 1);
    expect(decodeAudit(Buffer.from(later.join('\n'))).problems).not.toEqual([]);
  });
});

const lines = (...entries: AuditEntry[]): AuditLine[] =>
  entries.map((each) => ({ ...each, overtaken: false }));

describe('what served before', () => {
  const forward = [entry('promote', g(1), null), entry('promote', g(2), g(1)), entry('promote', g(5), g(2))];

  it('is one step back, and after a rollback one more', () => {
    expect(previouslyLive(lines(...forward), g(5))).toBe(g(2));
    const once = [...forward, entry('rollback', g(2), g(5))];
    expect(previouslyLive(lines(...once), g(2))).toBe(g(1));
    const twice = [...once, entry('rollback', g(1), g(2))];
    expect(previouslyLive(lines(...twice), g(1))).toBeNull();
    expect(previouslyLive(lines(...twice, entry('promote', g(7), g(1))), g(7))).toBe(g(1));
  });

  it('leaves out what did not take effect: a crash came between line and move', () => {
    const crashed = [...forward.slice(0, 2), entry('promote', g(4), g(2)), entry('promote', g(5), g(2))];
    expect(previouslyLive(lines(...crashed), g(5))).toBe(g(2));
    expect(previouslyLive(lines(...forward, entry('rollback', g(2), g(5))), g(5))).toBe(g(2));
  });

  it('is not known where the audit does not lead to what is live', () => {
    expect(previouslyLive([], g(1))).toBeNull();
    expect(previouslyLive(lines(...forward), g(9))).toBeNull();
    expect(previouslyLive(lines(entry('found', g(3), null)), g(3))).toBeNull();
    expect(previouslyLive(lines(entry('found', g(3), g(2))), g(3))).toBe(g(2));
  });

  it('is not changed by pins', () => {
    expect(previouslyLive(lines(...forward, entry('pin', g(1), g(5))), g(5))).toBe(g(2));
  });
});
