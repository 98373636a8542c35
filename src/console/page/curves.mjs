// Learning curves: quality on queries that never trained anything, over the groups learnt. Each line has its
// name and newest value at its end, its own dashes, and a colour that the colour-blind tell apart (after
// Okabe and Ito).
import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { count, figure, words } from './format.mjs';

/** @typedef {import('../view.ts').History} History */
/** @typedef {import('../view.ts').Curve} Curve */

const measures = ['ndcg10', 'pnr', 'mrr'];

/** @param {{ history: History }} props */
export function Curves({ history }) {
  const { curves, generations } = history;
  const [on, setOn] = useState('');
  const [measure, setMeasure] = useState('ndcg10');
  const places = [...new Set(curves.map((curve) => curve.on))];
  const place = places.includes(on) ? on : (places[0] ?? '');
  const curve = curves.find((one) => one.on === place && one.measure === measure);
  return html`<section class="panel curves" aria-labelledby="curves">
    <div class="title">
      <h2 id="curves">Learning curve</h2>
      ${
        places.length > 0 &&
        html`<${Choice} label="measured on" options=${places} value=${place} onChange=${setOn} />
          <${Choice} label="measure" options=${measures} value=${measure} onChange=${setMeasure} />`
      }
    </div>
    ${
      curve && curve.cursors.length > 1
        ? html`<${Chart} curve=${curve} marks=${generations.map(({ cursor }) => cursor)} />`
        : html`<p class="empty">
            Drawn once two generations have been measured: the student beside its teacher, BM25, the order
            shown and chance.
          </p>`
    }
  </section>`;
}

/** @param {{ label: string, options: string[], value: string, onChange: (value: string) => void }} props */
function Choice({ label, options, value, onChange }) {
  return html`<fieldset class="choice">
    <legend>${label}</legend>
    ${options.map(
      (option) => html`<label class=${option === value ? 'on' : ''}>
        <input type="radio" name=${label} checked=${option === value} onChange=${() => onChange(option)} />
        ${words[option] ?? option}
      </label>`,
    )}
  </fieldset>`;
}

const dashes = /** @type {Record<string, number[]>} */ ({
  student: [],
  teacher: [8, 3],
  bm25: [4, 4],
  shown: [2, 3],
  random: [1, 5],
});

/** @param {{ curve: Curve, marks: number[] }} props */
function Chart({ curve, marks }) {
  const host = useRef(/** @type {HTMLElement | null} */ (null));
  const scheme = useScheme();
  const drawn = JSON.stringify([curve, marks, scheme]);
  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const plot = plotOf(curve, marks, element);
    const watch = new ResizeObserver(() => plot.setSize(sizeOf(element)));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [drawn]);
  return html`<figure class="chart">
    <div ref=${host} role="img" aria-label=${summaryOf(curve)}></div>
    <figcaption class="dim">groups learnt; a tick under the axis is a generation that is kept</figcaption>
  </figure>`;
}

/** @param {Curve} curve */
const summaryOf = ({ on, measure, cursors, lines }) =>
  `${words[measure]} on ${words[on]} after ${count(cursors.at(-1))} groups: ${lines
    .map(({ ranker, values }) => `${words[ranker]} ${figure(values.findLast((value) => value !== null))}`)
    .join(', ')}`;

function useScheme() {
  const [dark, setDark] = useState(matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const changed = () => setDark(query.matches);
    query.addEventListener('change', changed);
    return () => query.removeEventListener('change', changed);
  }, []);
  return dark;
}

/** Beside the plot, for the names of the lines. */
const labelWidth = 128;

/** @param {HTMLElement} element */
const sizeOf = (element) => ({ width: element.clientWidth, height: element.clientWidth < 520 ? 240 : 300 });

/** @param {Curve} curve @param {number[]} marks @param {HTMLElement} element */
function plotOf(curve, marks, element) {
  const style = getComputedStyle(element);
  const ink = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  const axis = {
    stroke: ink('dim'),
    font: `12px ${style.fontFamily}`,
    grid: { stroke: ink('line'), width: 1 },
    ticks: { show: false },
  };
  return new uPlot(
    {
      ...sizeOf(element),
      padding: [12, labelWidth, 0, 0],
      legend: { show: false },
      cursor: { points: { size: 7 }, drag: { x: false, y: false } },
      scales: { x: { time: false } },
      axes: [
        { ...axis, size: 34, gap: 8, values: (_, splits) => splits.map(count) },
        { ...axis, size: 48, values: (_, splits) => splits.map((value) => figure(value, 2)) },
      ],
      series: [
        {},
        ...curve.lines.map(({ ranker }) => ({
          stroke: ink(ranker),
          width: ranker === 'student' ? 2.5 : 1.5,
          dash: dashes[ranker] ?? [],
          points: { show: ranker === 'student', size: 5, fill: ink(ranker) },
          spanGaps: true,
        })),
      ],
      hooks: { draw: [(plot) => drawNames(plot, curve, ink), (plot) => drawMarks(plot, marks, ink)] },
    },
    [curve.cursors, ...curve.lines.map(({ values }) => values)],
    element,
  );
}

/** The name and newest value of each line at its end, moved apart where they would overlap. */
function drawNames(
  /** @type {uPlot} */ plot,
  /** @type {Curve} */ curve,
  /** @type {(name: string) => string} */ ink,
) {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  const height = 16 * scale;
  const family = getComputedStyle(plot.root).fontFamily;
  const ends = curve.lines
    .flatMap(({ ranker, values }) => {
      const value = values.findLast((one) => one !== null);
      return value == null ? [] : [{ ranker, value, y: plot.valToPos(value, 'y', true) }];
    })
    .sort((a, b) => a.y - b.y);
  for (const [i, end] of ends.entries()) if (i > 0) end.y = Math.max(end.y, (ends[i - 1]?.y ?? 0) + height);
  const over = Math.max(0, (ends.at(-1)?.y ?? 0) - (bbox.top + bbox.height));
  ctx.save();
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  for (const { ranker, value, y } of ends) {
    ctx.font = `${ranker === 'student' ? '600 ' : ''}${12 * scale}px ${family}`;
    ctx.fillStyle = ink(ranker);
    ctx.fillText(`${words[ranker]} ${figure(value)}`, bbox.left + bbox.width + 8 * scale, y - over);
  }
  ctx.restore();
}

function drawMarks(
  /** @type {uPlot} */ plot,
  /** @type {number[]} */ marks,
  /** @type {(name: string) => string} */ ink,
) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.setLineDash([]);
  ctx.strokeStyle = ink('dim');
  ctx.lineWidth = devicePixelRatio;
  for (const cursor of marks) {
    const x = plot.valToPos(cursor, 'x', true);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x, bbox.top + bbox.height + 6 * devicePixelRatio);
    ctx.stroke();
  }
  ctx.restore();
}
