// docs/operations against the code: the runbook has an entry for every error code and says of it what the
// table says; dashboard and alerts ask for metrics and labels that exist, take rates of counters only, and
// every metric is on the dashboard or in an alert; the README lists all metrics and states.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type ErrorCode, errorTable } from '../src/errors.ts';
import { daemonStates } from '../src/lifecycle.ts';
import { type LabelName, labelBounds, type MetricName, metricNames, metricOf } from '../src/metrics.ts';

const read = (name: string): string =>
  readFileSync(new URL(`../docs/operations/${name}`, import.meta.url), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly runbook: string };
}
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
}

const rules = (parse(read('alerts.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap((g) => g.rules);
const panels = (JSON.parse(read('dashboard.json')) as { panels: Panel[] }).panels;
const targets = panels.flatMap((panel) => panel.targets ?? []);
const asked = [...rules.map(({ expr }) => expr), ...targets.map(({ expr }) => expr)];

/** Of prom-client, of the daemon process. */
const processMetrics = [
  'process_resident_memory_bytes',
  'process_cpu_seconds_total',
  'nodejs_heap_size_used_bytes',
  'nodejs_eventloop_lag_p99_seconds',
];
const namesIn = (expr: string): string[] => expr.match(/\b(restill|process|nodejs)_\w+/g) ?? [];
/** `name{label="value"}` -> what is asked of which metric. */
const selectorsIn = (expr: string): [name: string, label: string, value: string][] =>
  [...expr.matchAll(/(\w+)\{([^}]*)\}/g)].flatMap(([, name, inner]) =>
    [...inner!.matchAll(/(\w+)=~?"([^"]*)"/g)].map(([, label, value]): [string, string, string] => [
      ...([name!, label!, value!] as const),
    ]),
  );
const labelsOf = (name: string): readonly string[] =>
  metricNames.includes(name as MetricName) ? metricOf(name as MetricName).labels : [];

describe('the runbook', () => {
  const sections = read('runbook.md').split(/^## /m).slice(1);
  const titles = sections.map((section) => section.slice(0, section.indexOf('\n')));

  it('has one entry per error code and no other', () => {
    expect([...titles].sort()).toEqual(Object.keys(errorTable).sort());
  });

  it.each(Object.keys(errorTable) as ErrorCode[])(
    'says of %s what the table says, and what to do',
    (code) => {
      const section = sections[titles.indexOf(code)] ?? '';
      const { meaning, disposition, exit } = errorTable[code];
      expect(section).toContain(`\n_${meaning}_ (${disposition}, exit code ${exit})\n`);
      expect(section).toMatch(/\n\*\*What happened\.\*\* .{20,}/);
      expect(section).toMatch(/\n\*\*What to do\.\*\* .{20,}/);
    },
  );

  it('speaks of alerts and metrics that exist', () => {
    const alerts = rules.map(({ alert }) => alert);
    for (const [, alert] of read('runbook.md').matchAll(/Alert: `(\w+)`/g)) expect(alerts).toContain(alert);
    for (const name of namesIn(read('runbook.md'))) expect(metricNames).toContain(name);
  });
});

describe('dashboard and alerts', () => {
  it('ask for metrics that exist', () => {
    expect(asked.length).toBeGreaterThan(40);
    for (const expr of asked) {
      expect(namesIn(expr).length, expr).toBeGreaterThan(0);
      for (const name of namesIn(expr)) expect([...metricNames, ...processMetrics]).toContain(name);
    }
  });

  it('ask for every metric, or for its age', () => {
    const names = new Set(asked.flatMap(namesIn));
    const aged = metricNames.filter((name) => names.has(name)).map((name) => metricOf(name).ageOf);
    expect(metricNames.filter((name) => !names.has(name) && !aged.includes(name))).toEqual([]);
  });

  it('select by labels that the metric has, and values that there are', () => {
    for (const [name, label, value] of asked.flatMap(selectorsIn)) {
      if (label === 'job') continue;
      expect(labelsOf(name), name).toContain(label);
      const bound = labelBounds[label as LabelName];
      if (typeof bound !== 'number') expect(bound).toContain(value);
    }
  });

  it('group and name series by labels that the metric has', () => {
    const named = targets.map(({ expr, legendFormat }) => ({
      expr,
      labels: /\{\{(\w+)\}\}/g,
      text: legendFormat,
    }));
    const grouped = asked.map((expr) => ({ expr, labels: /by \((\w+)\)/g, text: expr }));
    for (const { expr, labels, text } of [...named, ...grouped])
      for (const [, label] of text.matchAll(labels))
        expect(labelsOf(namesIn(expr)[0]!), expr).toContain(label);
  });

  it('take rates of counters, and of nothing else', () => {
    for (const expr of asked) {
      for (const [, name] of expr.matchAll(/(?:rate|increase)\((\w+)/g)) expect(name).toMatch(/_total$/);
      for (const name of namesIn(expr).filter((n) => n.endsWith('_total')))
        expect(expr).toMatch(new RegExp(`(rate|increase)\\(${name}\\b`));
    }
  });

  it('have balanced brackets, and panels that do not overlap', () => {
    for (const expr of asked)
      for (const [open, close] of ['()', '{}', '[]'].map((pair) => [...pair]))
        expect(expr.split(open!).length, expr).toBe(expr.split(close!).length);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });

  it('of alerts: each has a name of its own and leads to the runbook', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { annotations } of rules) {
      expect(annotations.summary.length).toBeGreaterThan(0);
      for (const code of annotations.runbook.split(', ')) expect(Object.keys(errorTable)).toContain(code);
    }
  });
});

describe('the README of operations', () => {
  const readme = read('README.md');

  it.each(metricNames)('lists %s as the catalogue has it', (name) => {
    const { type, labels, help } = metricOf(name);
    const row = `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${help} |`;
    expect(readme).toContain(`\n${row}\n`);
  });

  it('lists no other metric, and every state', () => {
    for (const [, name] of readme.matchAll(/^\| `(restill_\w+)`/gm)) expect(metricNames).toContain(name);
    for (const state of daemonStates) expect(readme).toMatch(new RegExp(`^\\| .*\\b${state}\\b.* \\|`, 'm'));
  });
});
