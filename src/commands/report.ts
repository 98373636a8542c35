// The report of a replay: as a JSON object with stable names, and as a table for people.
import type { IngestCounts } from '../contract.ts';
import type { Gain, Quality, TrainerSummary } from '../protocol.ts';

export interface Report {
  readonly events: number;
  readonly impressions: number;
  readonly clicks: number;
  readonly groups: number;
  readonly deadLetters: number;
  readonly pairs: number;
  readonly preferences: number;
  /** Everything ingest counted. */
  readonly ingest: IngestCounts;
  readonly journalSha256: string;
  readonly turns: TrainerSummary['turns'];
  /** Optimizer steps. */
  readonly steps: number;
  readonly stepsRefused: number;
  readonly generation: string | null;
  readonly teacherVersion: number;
  readonly weightsSha256: { readonly student: string; readonly teacher: string };
  readonly quality: readonly {
    readonly on: string;
    readonly before: Quality | null;
    readonly after: Quality | null;
    readonly teacher: Quality | null;
    readonly floors: Readonly<Record<string, Quality>>;
    /** Student after minus the other, nDCG@10, paired by query. */
    readonly gains: Readonly<Record<string, Gain>>;
  }[];
  readonly curve: TrainerSummary['curve'];
  /** Wall-clock of this process only; a resumed run counts its own time. */
  readonly seconds: Readonly<Record<string, number>>;
}

const floors = ['random', 'bm25', 'shown'] as const;

export function makeReport(
  counts: IngestCounts,
  contentHash: string,
  summary: TrainerSummary,
  seconds: { ingest: number; total: number },
): Report {
  return {
    events: counts.events,
    impressions: counts.impressions,
    clicks: counts.clicks,
    groups: counts.groups,
    deadLetters: counts.malformed,
    pairs: counts.pairs,
    preferences: counts.preferences,
    ingest: counts,
    journalSha256: contentHash,
    turns: summary.turns,
    steps: summary.steps,
    stepsRefused: summary.stepsRefused,
    generation: summary.generation,
    teacherVersion: summary.teacherVersion,
    weightsSha256: summary.weightsSha256,
    quality: summary.quality.map(({ on, rankers, gains }) => ({
      gains,
      on,
      before: rankers.studentBefore ?? null,
      after: rankers.student ?? null,
      teacher: rankers.teacher ?? null,
      floors: Object.fromEntries(floors.flatMap((name) => (rankers[name] ? [[name, rankers[name]]] : []))),
    })),
    curve: summary.curve,
    seconds: { ...seconds, ...summary.seconds },
  };
}

const names: Readonly<Record<string, string>> = {
  random: 'random order',
  bm25: 'BM25',
  shown: 'order shown',
  before: 'student before',
  after: 'student after',
  teacher: 'teacher',
};

/** Plain text, at most 80 columns wide. */
export function formatReport(report: Report): string {
  const lines: string[] = [];
  for (const table of report.quality) {
    const source = table.on === 'judgments' ? 'judged holdout queries' : 'clicks on holdout groups';
    const rows: [string, Quality | null][] = [
      ...Object.entries(table.floors),
      ['before', table.before],
      ['teacher', table.teacher],
      ['after', table.after],
    ];
    const measured = rows.filter((row): row is [string, Quality] => row[1] !== null);
    lines.push(`Quality on ${measured[0]?.[1].queries ?? 0} ${source} (never trained on)`, '');
    lines.push(`  ${'ranker'.padEnd(16)}  nDCG@5  nDCG@10     PNR     MRR`);
    for (const [name, q] of measured) {
      const cells = [
        q.ndcg5.toFixed(3).padStart(6),
        q.ndcg10.toFixed(3).padStart(7),
        ratio(q.pnr),
        q.mrr.toFixed(3).padStart(6),
      ];
      lines.push(`  ${names[name]!.padEnd(16)}  ${cells.join('  ')}`);
    }
    lines.push(...Object.entries(table.gains).map(gainLine), '');
  }
  return [...lines, ...facts(report)].join('\n');
}

function gainLine([over, { mean, low, high }]: [string, Gain]): string {
  const name = over === 'bm25' ? 'BM25' : 'before';
  const signed = (value: number): string => `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`;
  const interval = `${signed(low)} to ${signed(high)}`;
  return `  student against ${name}: ${signed(mean)} nDCG@10, 95 % interval ${interval}`;
}

const ratio = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : 'all').padStart(6);

function facts(report: Report): string[] {
  const { ingest } = report;
  const count = (n: number): string => n.toLocaleString('en');
  return [
    `  events        ${count(report.events)} (${count(ingest.impressions)} impressions, ` +
      `${count(ingest.clicks)} clicks)`,
    `  set aside     ${count(ingest.malformed)} dead letters, ${count(ingest.duplicates)} duplicates, ` +
      `${count(ingest.orphans)} orphans, ${count(ingest.bots)} of bots, ${count(ingest.tooLate)} too late`,
    `  groups        ${count(report.groups)} (${count(ingest.holdoutGroups)} held out), ` +
      `${count(report.pairs)} pairs, ${count(report.preferences)} preferences`,
    `  trained       ${count(report.steps)} steps in ${count(report.turns.DISTILL)} cycles, ` +
      clock(report.seconds.total ?? 0),
    `  generation    ${report.generation ?? 'none'}`,
    `  student       sha256 ${report.weightsSha256.student.slice(0, 16)}`,
  ];
}

const clock = (seconds: number): string => `${seconds.toFixed(1)} s`;
