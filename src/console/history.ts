// The generations and their learning curves, as the console shows them. Pure.
import type { GateVerdict, Manifest } from '../contract.ts';
import type { CurvePoint } from '../protocol.ts';
import type { Shelf } from './ports.ts';
import type { Curve, GenerationView, History } from './view.ts';

export function historyOf({ live, before, manifests, curve }: Shelf): History {
  return { live, before, generations: manifests.map(generationView), curves: curvesOf(curve) };
}

function generationView(manifest: Manifest): GenerationView {
  const { lineage, gate } = manifest;
  return {
    id: manifest.id,
    parent: manifest.parent,
    createdAt: Date.parse(manifest.createdAt),
    cursor: manifest.cursor,
    scheduled: manifest.scheduled,
    bytes: manifest.files.reduce((sum, file) => sum + file.bytes, 0),
    gate: { decision: gate.decision, reason: gate.reason, figures: rounded(gate.figures) },
    lineage: {
      topic: lineage.topic,
      offsets: lineage.offsets,
      eventFrom: learnt(lineage.eventTimeMs.from),
      eventTo: learnt(lineage.eventTimeMs.to),
      teacherVersion: lineage.teacherVersion,
      replayShare: lineage.replayShare,
    },
    metrics: rounded(manifest.metrics),
    configDigest: manifest.configDigest,
    weightsSha256: manifest.weightsSha256,
  };
}

/** 0: it has learnt nothing yet. */
const learnt = (ms: number): number | null => (ms > 0 ? ms : null);

const rounded = (figures: GateVerdict['figures']): Record<string, number> =>
  Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, round(value)]));

/** Six digits: more than anybody reads, and half of the bytes. */
const round = (value: number): number => Number(value.toPrecision(6));

const places = ['judgments', 'clicks', 'prequential'] as const;
const measures = ['ndcg10', 'pnr', 'mrr'] as const;
const rankers = ['student', 'teacher', 'bm25', 'shown', 'random'] as const;

/** One curve for each place and measure that anything was measured for. Points stay in their order. */
function curvesOf(points: readonly CurvePoint[]): Curve[] {
  return places.flatMap((on) =>
    measures.flatMap((measure): Curve[] => {
      const valueAt = ({ figures }: CurvePoint, ranker: string): number | null => {
        const value = figures[`${on}.${ranker}.${measure}`];
        return value === undefined ? null : round(value);
      };
      const measured = points.filter((point) => rankers.some((ranker) => valueAt(point, ranker) !== null));
      const lines = rankers
        .map((ranker) => ({ ranker, values: measured.map((point) => valueAt(point, ranker)) }))
        .filter(({ values }) => values.some((value) => value !== null));
      return lines.length === 0 ? [] : [{ on, measure, cursors: measured.map((p) => p.cursor), lines }];
    }),
  );
}
