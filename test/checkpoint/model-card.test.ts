// Invariants:
// - the header is YAML that the hub reads: library_name, pipeline_tag text-ranking, tags
// - lineage, metrics and how to load stand in it; the maximum length is the student's
// - no name of a topic or metric can break the tables
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { generationId } from '../../src/checkpoint/generation.ts';
import { describeSnapshot } from '../../src/checkpoint/manifest.ts';
import { modelCard } from '../../src/checkpoint/model-card.ts';
import type { Snapshot } from '../../src/contract.ts';
import { digestA, promote, sha256, snapshotAt } from '../support/snapshots.ts';

const shape = { layers: 2, hidden: 128, vocabulary: 4096, tokensMax: 48 };

function cardOf(changes: Partial<Snapshot>): string {
  const snapshot = { ...snapshotAt({ cursor: 12_500 }), ...changes };
  const birth = {
    id: generationId(2),
    parent: generationId(1),
    createdAtMs: 1_767_225_600_000,
    verdict: promote,
  };
  return modelCard(describeSnapshot(snapshot, birth), shape);
}

const headerOf = (card: string): Record<string, unknown> => parse(/^---\n([\s\S]*?)\n---\n/.exec(card)![1]!);

describe('the header', () => {
  it('says what it is and for whom', () => {
    expect(headerOf(cardOf({}))).toEqual({
      library_name: 'sentence-transformers',
      pipeline_tag: 'text-ranking',
      tags: ['sentence-transformers', 'cross-encoder', 'text-ranking', 'transformers', 'restill'],
    });
  });

  it('carries the holdout quality where it was measured', () => {
    const header = headerOf(cardOf({ metrics: { 'holdout.ndcg10': 0.7125 } }));
    expect(header['model-index']).toEqual([
      {
        name: 'restill student g000002',
        results: [
          {
            task: { type: 'text-ranking', name: 'Text ranking' },
            dataset: { type: 'clicks', name: 'holdout queries of the topic clicks' },
            metrics: [{ type: 'ndcg_at_10', name: 'nDCG@10', value: 0.7125 }],
          },
        ],
      },
    ]);
  });
});

describe('the text', () => {
  it.each([
    'generation | g000002, after g000001',
    'made | 2026-01-01T00:00:00.000Z',
    'topic | clicks',
    'events | 2023-11-14T22:13:20.000Z to 2023-11-14T22:19:20.000Z',
    'next offsets | clicks/0: 87500, clicks/1: 40',
    'groups learnt | 12,500',
    'replayed from the past | 25 % of each batch',
    `config digest | \`${digestA}\``,
    `weights SHA-256 | \`${sha256('student 12500')}\``,
    'loss.distill | 0.1235',
    '2 layers,\n128 wide',
    'vocabulary of 4,096',
    'CrossEncoder("path/to/this/directory", max_length=48)',
  ])('says: %s', (text) => {
    expect(cardOf({ metrics: { 'loss.distill': 0.123456 } })).toContain(text);
  });

  it('has no table of metrics where there are none', () => {
    expect(cardOf({})).not.toContain('## Metrics');
  });

  it('survives a topic of any name and a clock of any age', () => {
    const { lineage } = snapshotAt({ cursor: 1 });
    const card = cardOf({ lineage: { ...lineage, topic: 'a|b\nc', eventTimeMs: { from: 0, to: 9e15 } } });
    expect(card).toContain('| topic | a b c |');
    expect(card).toContain('1970-01-01T00:00:00.000Z to 9000000000000000 ms');
  });
});
