// The figures of the process, as they stand: set by what goes on, read when somebody asks. Holds every label
// to its bound.
import { type LabelName, type LabelsOf, labelBounds, type MetricName, metricOf } from './metrics.ts';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Labels may be left out where a metric has none. */
type Labels<N extends MetricName> = keyof LabelsOf<N> extends never ? [] : [labels: LabelsOf<N>];

export class Board {
  readonly #series = new Map<MetricName, Map<string, Sample>>();
  readonly #seen = new Map<LabelName, Set<string>>();

  /** A gauge, or a total that is kept elsewhere. A value that is not finite leaves what was there. */
  set<N extends MetricName>(name: N, value: number, ...labels: Labels<N>): void {
    this.#put(name, labels[0] ?? {}, () => value);
  }

  /** A total that is kept here. */
  add<N extends MetricName>(name: N, by: number, ...labels: Labels<N>): void {
    this.#put(name, labels[0] ?? {}, (before) => before + by);
  }

  /** Forgets all series of a metric: partitions that went to another member, say. */
  clear(name: MetricName): void {
    this.#series.delete(name);
  }

  /** @param nowMs Milliseconds since the epoch, for the metrics that are ages. */
  samples(name: MetricName, nowMs: number): Sample[] {
    const { ageOf } = metricOf(name);
    if (ageOf === undefined) return [...(this.#series.get(name)?.values() ?? [])];
    return this.samples(ageOf as MetricName, nowMs).map(({ labels, value }) => ({
      labels,
      value: Math.max(0, nowMs / 1000 - value),
    }));
  }

  #put(name: MetricName, labels: Readonly<Record<string, string>>, value: (before: number) => number): void {
    const series = this.#series.get(name) ?? new Map<string, Sample>();
    const key = JSON.stringify(metricOf(name).labels.map((label) => labels[label]));
    const before = series.get(key);
    const after = value(before?.value ?? 0);
    if (!Number.isFinite(after)) return;
    if (!before && !this.#admits(labels)) return this.add('restill_series_dropped_total', 1);
    series.set(key, { labels, value: after });
    this.#series.set(name, series);
  }

  #admits(labels: Readonly<Record<string, string>>): boolean {
    return Object.entries(labels).every(([label, value]) => {
      const bound = labelBounds[label as LabelName];
      if (typeof bound !== 'number') return (bound as readonly string[]).includes(value);
      const seen = this.#seen.get(label as LabelName) ?? new Set<string>();
      this.#seen.set(label as LabelName, seen);
      if (!seen.has(value) && seen.size >= bound) return false;
      seen.add(value);
      return true;
    });
  }
}
