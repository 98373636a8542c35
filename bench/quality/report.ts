// The tables that the benchmark prints.
import { formatTable } from '../../src/commands/table.ts';
import type { ArmFigures, Interval } from './figures.ts';

export interface ReportRow {
  readonly arm: string;
  /** Folds that are finished. */
  readonly folds: readonly number[];
  readonly unseen: ArmFigures | null;
  readonly seen: ArmFigures | null;
}

/** The arms that all others are compared with. */
export const comparedWith = ['bm25', 'student-cosine'] as const;

export function formatReport(rows: readonly ReportRow[]): string {
  return (['unseen', 'seen'] as const)
    .map(
      (on) =>
        `${titles[on]}\n\n${formatTable(
          columns,
          rows.flatMap((row) => line(row, on)),
        )}`,
    )
    .join('\n');
}

const titles = {
  unseen: 'Queries that trained nothing',
  seen: 'Queries that training saw',
};

const columns = [
  { title: 'arm' },
  { title: 'folds' },
  ...['n', 'nDCG@10', 'nDCG@5', 'PNR'].map((title) => ({ title, right: true })),
  ...comparedWith.flatMap((name) => [
    { title: `nDCG@10 - ${name}`, right: true },
    { title: `PNR - ${name}`, right: true },
  ]),
];

function line(row: ReportRow, on: 'unseen' | 'seen'): string[][] {
  const figures = row[on];
  if (figures === null) return [];
  const { queries, ndcg10, ndcg5, pnr, against } = figures;
  return [
    [
      ...[row.arm, row.folds.join(' '), String(queries)],
      ...[ndcg10.toFixed(3), ndcg5.toFixed(3), pnr.toFixed(2)],
      ...comparedWith.flatMap((name) => [
        interval(against[name]?.ndcg10, 3),
        interval(against[name]?.pnr, 2),
      ]),
    ],
  ];
}

function interval(found: Interval | undefined, digits: number): string {
  if (!found) return '-';
  const signed = (value: number): string => `${value < 0 ? '' : '+'}${value.toFixed(digits)}`;
  return `${signed(found.mean)} [${signed(found.low)}, ${signed(found.high)}]`;
}
