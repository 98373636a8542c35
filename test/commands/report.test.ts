// The report: stable names in JSON, a table of at most 80 columns for people, one row per ranker with the
// student last.
import { describe, expect, it } from 'vitest';
import { formatReport, makeReport } from '../../src/commands/report.ts';
import type { GenerationId } from '../../src/contract.ts';
import type { Quality, TrainerSummary } from '../../src/protocol.ts';
import { noCounts } from '../../src/streams/counts.ts';

const quality = (ndcg10: number): Quality => ({ queries: 46, ndcg5: 0.5, ndcg10, pnr: 1.5, mrr: 0.25 });
const turns = { PRETRAIN: 2, FINETUNE: 2, SCORE: 2, DISTILL: 2, EVALUATE: 2, SNAPSHOT: 1 };
const summary: TrainerSummary = {
  cursor: 1_166,
  steps: 1_240,
  stepsRefused: 0,
  turns,
  generation: 'g000006' as GenerationId,
  weightsSha256: { student: 'a'.repeat(64), teacher: 'b'.repeat(64) },
  teacherVersion: 2,
  quality: [
    {
      on: 'judgments',
      rankers: {
        student: quality(0.8125),
        random: quality(0.4),
        bm25: quality(0.5),
        studentBefore: quality(0.3),
        teacher: quality(0.7),
      },
      gains: { bm25: { mean: 0.3125, low: -0.01, high: 0.4 } },
    },
  ],
  curve: [{ cursor: 0, steps: 0, figures: {} }],
  seconds: turns,
};
const counts = {
  ...noCounts(),
  events: 30_472,
  impressions: 20_000,
  clicks: 10_472,
  groups: 1_166,
  malformed: 9,
};
const report = makeReport(counts, 'c'.repeat(64), summary, { ingest: 3, total: 127.26 });

describe('the report', () => {
  it('has the names that others rely on', () => {
    expect(report).toMatchObject({
      ...{ events: 30_472, impressions: 20_000, clicks: 10_472, groups: 1_166, deadLetters: 9, pairs: 0 },
      ...{ preferences: 0, turns, steps: 1_240, generation: 'g000006', weightsSha256: summary.weightsSha256 },
      seconds: { ingest: 3, total: 127.26, PRETRAIN: 2 },
    });
    const [table] = report.quality;
    expect(table).toMatchObject({ on: 'judgments', before: { ndcg10: 0.3 }, after: { ndcg10: 0.8125 } });
    expect(Object.keys(table!.floors)).toEqual(['random', 'bm25']);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('is a table for people, the student after last, gains signed', () => {
    const lines = formatReport(report).split('\n');
    expect(lines[0]).toBe('Quality on 46 judged holdout queries (never trained on)');
    expect(lines.slice(3, 8).map((line) => line.slice(2, 18).trim())).toEqual([
      ...['random order', 'BM25', 'student before', 'teacher', 'student after'],
    ]);
    expect(lines[7]).toBe('  student after      0.500    0.813    1.50   0.250');
    expect(lines[8]).toBe('  student against BM25: +0.313 nDCG@10, 95 % interval -0.010 to +0.400');
    expect(lines.join('\n')).toContain('1,240 steps in 2 cycles, 127.3 s');
    for (const line of lines.slice(0, 10)) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('of a topic without holdout queries is the facts alone', () => {
    const text = formatReport({ ...report, quality: [], generation: null });
    expect(text.startsWith('  events')).toBe(true);
    expect(text).toContain('generation    none');
  });
});
