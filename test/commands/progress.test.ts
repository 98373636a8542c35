// Progress: how much is done and left, as one line; drawn again on a terminal, a line per cycle otherwise.
import { describe, expect, it } from 'vitest';
import { clockTime, progressLine, type ReplayProgress, shareDone } from '../../src/commands/progress.ts';
import { progressPrinter } from '../../src/commands/progress-printer.ts';
import type { GenerationId, Manifest } from '../../src/contract.ts';
import { noCounts } from '../../src/streams/counts.ts';

const counts = { ...noCounts(), records: 5_000, groups: 400 };
const at = (change: Partial<ReplayProgress>): ReplayProgress => ({
  ...{ counts, ingested: 0.5, ingestEnded: false, cursor: 200, turn: 'DISTILL', step: { done: 3, of: 9 } },
  ...{ generation: 'g000002', figure: { name: 'nDCG@10 on clicks', value: 0.51239 }, elapsedMs: 60_000 },
  ...change,
});

describe('progress', () => {
  it('is the share of the groups to come, as far as they can be told', () => {
    expect(shareDone(at({}))).toBe(0.25); // half of the file made 400 groups, so 800 are to be expected
    expect(shareDone(at({ ingestEnded: true }))).toBe(0.5);
    expect(shareDone(at({ ingested: 0 }))).toBe(0);
    expect(shareDone(at({ counts: noCounts() }))).toBe(0);
  });

  it('tells what is left from what this process has gained', () => {
    expect(progressLine(at({ ingestEnded: true }), 0)).toBe(
      ' 50 %  5,000 records  200/400 groups  DISTILL 3/9  nDCG@10 on clicks 0.512  ' +
        'g000002  1:00 gone, 1:00 left',
    );
    expect(progressLine(at({ ingestEnded: true }), 0.25)).toContain('1:00 gone, 2:00 left');
    expect(progressLine(at({ ingestEnded: true }), 0.5)).toContain('? left');
  });

  it('writes times as people do', () => {
    expect([0, 65, 3_600, 7_384.6, -1].map(clockTime)).toEqual([
      '0:00',
      '1:05',
      '1:00:00',
      '2:03:05',
      '0:00',
    ]);
  });
});

/** What a replay of two cycles prints. */
function printed(isTTY: boolean): string[] {
  const written: string[] = [];
  let ms = 0;
  const sink = { write: (text: string) => written.push(text), isTTY, columns: 60 };
  const printer = progressPrinter(sink, { now: () => 0, elapsed: () => (ms += 60) });
  const report = { cycle: 1, steps: 9, seconds: 1, figures: { 'clicks.student.ndcg10': 0.5 } };
  printer.start(100, 'g000001');
  printer.ingest(counts, 1, true);
  for (let done = 1; done <= 9; done++)
    printer.step({ kind: 'progress', turn: 'DISTILL', cursor: 100, done, of: 9 });
  printer.turn({ ...report, kind: 'DISTILL', cursor: 100 });
  printer.turn({ ...report, kind: 'EVALUATE', cursor: 200 });
  const gate = { decision: 'PROMOTE', reason: 'first', figures: {} } as const;
  printer.generation({ id: 'g000002' as GenerationId, gate } as Manifest);
  printer.end();
  return written;
}

describe('the printer', () => {
  it('writes plain lines where nobody watches: one per cycle and one per generation', () => {
    expect(printed(false)).toEqual([
      'going on from g000001, 100 groups learnt\n',
      expect.stringMatching(
        /^ 50 % {2}5,000 records {2}200\/400 groups {2}EVALUATE {2}nDCG@10 on clicks 0.500/,
      ),
      'g000002: PROMOTE first, nDCG@10 on clicks 0.500\n',
    ]);
  });

  it('draws one line again and again on a terminal, never wider than it, and clears it at the end', () => {
    const written = printed(true);
    const drawn = written.filter((text) => !text.endsWith('\n'));
    expect(drawn.length).toBeGreaterThan(3);
    const clear = '\r\u001b[2K';
    for (const text of drawn) {
      expect(text.startsWith(clear)).toBe(true);
      expect(text.length).toBeLessThan(clear.length + 60);
    }
    expect(written.at(-1)).toBe(clear);
    expect(written.filter((text) => text.endsWith('\n'))).toHaveLength(2);
  });
});
