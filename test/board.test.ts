// Totals add up, gauges hold the newest value, ages grow by themselves; what is not finite changes nothing;
// the number of series is bounded whatever labels come, and what is left out is counted.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Board } from '../src/board.ts';

const at = (topic: string, partition: number) => ({ topic, partition: String(partition) });

describe('the board', () => {
  it('holds the newest value of a gauge and the sum of a total, per labels', () => {
    const board = new Board();
    board.set('restill_source_lag_records', 5, at('clicks', 0));
    board.set('restill_source_lag_records', 7, at('clicks', 1));
    board.set('restill_source_lag_records', 3, { partition: '0', topic: 'clicks' });
    expect(board.samples('restill_source_lag_records', 0).map((s) => s.value)).toEqual([3, 7]);
    board.add('restill_dead_letters_total', 2, { reason: 'malformed' });
    board.add('restill_dead_letters_total', 1, { reason: 'malformed' });
    expect(board.samples('restill_dead_letters_total', 0)).toEqual([
      { labels: { reason: 'malformed' }, value: 3 },
    ]);
  });

  it('says nothing of what nobody has set', () => {
    expect(new Board().samples('restill_freshness_seconds', 1e12)).toEqual([]);
    expect(new Board().samples('restill_trainer_up', 0)).toEqual([]);
  });

  it('lets ages grow while nothing happens, and never below zero', () => {
    const board = new Board();
    board.set('restill_live_click_timestamp_seconds', 1000);
    const age = (nowMs: number) => board.samples('restill_freshness_seconds', nowMs)[0]?.value;
    expect([age(1_000_000), age(1_060_500), age(900_000)]).toEqual([0, 60.5, 0]);
  });

  it('keeps what it had when a value is not finite', () => {
    const board = new Board();
    board.set('restill_trainer_loss', 0.5, { objective: 'distill' });
    board.set('restill_trainer_loss', Number.NaN, { objective: 'distill' });
    board.set('restill_trainer_loss', Number.POSITIVE_INFINITY, { objective: 'pretrain' });
    expect(board.samples('restill_trainer_loss', 0)).toEqual([
      { labels: { objective: 'distill' }, value: 0.5 },
    ]);
  });

  it('forgets the series of a metric on request', () => {
    const board = new Board();
    board.set('restill_source_paused', 1, at('clicks', 0));
    board.clear('restill_source_paused');
    expect(board.samples('restill_source_paused', 0)).toEqual([]);
  });

  it('is bounded, and counts what it leaves out', () => {
    const board = new Board();
    for (let i = 0; i < 40; i++) board.add('restill_dead_letters_total', 1, { reason: `reason-${i}` });
    expect(board.samples('restill_dead_letters_total', 0).length).toBe(16);
    expect(board.samples('restill_series_dropped_total', 0)[0]?.value).toBe(24);
    board.add('restill_dead_letters_total', 1, { reason: 'reason-0' });
    expect(board.samples('restill_dead_letters_total', 0)[0]?.value).toBe(2);
  });

  it('takes a known value of a full label with new values of the others', () => {
    const board = new Board();
    for (let i = 0; i < 17; i++) board.set('restill_source_paused', 1, at(`topic-${i}`, 0));
    board.set('restill_source_paused', 1, at('topic-3', 1));
    const shown = board.samples('restill_source_paused', 0).map(({ labels }) => Object.values(labels).join());
    expect(shown.length).toBe(17);
    expect(shown.at(-1)).toBe('topic-3,1');
  });

  it('takes only listed values where a label has a list', () => {
    fc.assert(
      fc.property(fc.string(), (ranker) => {
        const board = new Board();
        board.set('restill_quality_pnr', 1, { on: 'clicks', ranker: ranker as 'student' });
        expect(board.samples('restill_quality_pnr', 0).length).toBe(ranker === 'student' ? 1 : 0);
      }),
    );
  });
});
