// Names and units by Prometheus conventions; every label is bounded and none can hold a query, a document
// or a user (promise 12); an age is the age of a timestamp with the same labels.
import { describe, expect, it } from 'vitest';
import { labelBounds, metricNames, metricOf } from '../src/metrics.ts';

const units = ['seconds', 'bytes', 'ratio', 'records', 'groups', 'pairs', 'versions', 'info', 'total'];
/** Numbers without a unit, or states. */
const plain = ['state', 'ready', 'paused', 'up', 'loss', 'norm', 'pnr', 'generation', 'version'];

describe('the catalogue of metrics', () => {
  it.each(metricNames)('%s is named by convention', (name) => {
    const { type, help, labels } = metricOf(name);
    expect(name).toMatch(/^restill_[a-z0-9]+(_[a-z0-9]+)*$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect([...units, ...plain]).toContain(name.split('_').at(-1));
    expect(help.length).toBeGreaterThan(0);
    expect(new Set(labels).size).toBe(labels.length);
  });

  it('has only bounded labels, and none of what people typed or who they are', () => {
    for (const [label, bound] of Object.entries(labelBounds)) {
      expect(label).not.toMatch(/query|user|session|document|title|key/);
      expect(typeof bound === 'number' ? bound : bound.length).toBeGreaterThan(0);
    }
  });

  it('derives ages from timestamps with the same labels', () => {
    const ages = metricNames.filter((name) => metricOf(name).ageOf !== undefined);
    expect(ages).toContain('restill_freshness_seconds');
    for (const name of ages) {
      const { ageOf, labels } = metricOf(name);
      expect(ageOf).toMatch(/_timestamp_seconds$/);
      expect(metricOf(ageOf as never).labels).toEqual(labels);
      expect(metricOf(ageOf as never).ageOf).toBeUndefined();
    }
  });
});
