// A difference with its interval, as a line around "none": whether it is real is seen before it is read.
import { html } from 'htm/preact';
import { count, figure, signed, spoken, words } from './format.mjs';

/**
 * @typedef {object} Compared
 * @property {string} on  the set of queries: `judgments`, `clicks`, `anchor`
 * @property {string} measure
 * @property {boolean} ratio  1 is no difference, else 0
 * @property {number} mean
 * @property {number} low
 * @property {number} high
 * @property {string[]} names  of the figures that it is made of
 */

/**
 * `judgments.ndcg10`, `judgments.ndcg10Low` and `judgments.ndcg10High` belong together; so do those of
 * `pnrRatio`.
 *
 * @param {Record<string, number>} figures
 * @returns {Compared[]}
 */
export const comparedIn = (figures) =>
  Object.entries(figures).flatMap(([lowName, low]) => {
    const [, stem, on, measure] = /^((?:(\w+)\.)?(\w+))Low$/.exec(lowName) ?? [];
    const [mean, high] = [figures[`${stem}`], figures[`${stem}High`]];
    if (stem === undefined || measure === undefined || mean === undefined || high === undefined) return [];
    const ratio = measure.endsWith('Ratio');
    const names = [stem, lowName, `${stem}High`, `${on}.queries`];
    const name = measure.replace(/Ratio$/, '');
    return [{ on: on ?? '', measure: words[name] ?? spoken(name), ratio, mean, low, high, names }];
  });

const places = ['judgments', 'clicks', 'prequential', 'anchor'];

/** @param {{ rows: Compared[], figures: Record<string, number> }} props */
export function Intervals({ rows, figures }) {
  const ordered = [...rows].sort((a, b) => places.indexOf(a.on) - places.indexOf(b.on));
  const percent = figure((figures.confidence ?? 0.95) * 100, 0);
  return html`<table class="intervals">
    <caption>
      Against what was live, on the same queries, with ${percent} % intervals${' '}
      ${figures.dropMax !== undefined && html`(dashed: a fall of ${figures.dropMax} that is let pass)`}
    </caption>
    <thead class="unseen">
      <tr>
        <th scope="col">measure</th>
        <th scope="col">change</th>
        <th scope="col">drawn</th>
        <th scope="col">interval</th>
      </tr>
    </thead>
    <tbody>
      ${ordered.map(
        (row) =>
          html`<${Row} key=${row.names[0]} row=${row} reach=${reachOf(row, rows)} figures=${figures} />`,
      )}
    </tbody>
  </table>`;
}

/** How far a line goes to either side: the same for all differences, and for all ratios. */
const reachOf = (/** @type {Compared} */ { ratio }, /** @type {Compared[]} */ rows) =>
  Math.max(
    1e-6,
    ...rows
      .filter((row) => row.ratio === ratio)
      .flatMap((row) => ends(row).map((value) => Math.abs(value) * 1.1)),
  );

/** On the scale that is drawn: a ratio and its inverse are as far from 1. @param {Compared} row */
const ends = ({ ratio, low, mean, high }) => (ratio ? [low, mean, high].map(Math.log) : [low, mean, high]);

/** @param {{ row: Compared, reach: number, figures: Record<string, number> }} props */
function Row({ row, reach, figures }) {
  const { on, measure, ratio, mean, low, high } = row;
  const show = (/** @type {number} */ value) => (ratio ? `×${figure(value, 2)}` : signed(value));
  const queries = figures[`${on}.queries`];
  const tolerance = ratio || figures.dropMax === undefined ? null : -figures.dropMax;
  return html`<tr>
    <th scope="row">
      ${measure} <span class="dim">${words[on] ?? on}${queries !== undefined && `, ${count(queries)}`}</span>
    </th>
    <td class="n"><b>${show(mean)}</b></td>
    <td class="drawn"><${Line} ends=${ends(row)} reach=${reach} tolerance=${tolerance} /></td>
    <td class="n dim">${show(low)} to ${show(high)}</td>
  </tr>`;
}

/** @param {{ ends: number[], reach: number, tolerance: number | null }} props */
function Line({ ends: [low = 0, mean = 0, high = 0], reach, tolerance }) {
  const x = (/** @type {number} */ value) => 100 + (value / reach) * 100;
  const allowed = tolerance !== null && -tolerance < reach ? x(tolerance) : null;
  const kind = low > 0 ? 'better' : high < 0 ? 'worse' : 'open';
  return html`<svg class=${kind} viewBox="0 0 200 16" preserveAspectRatio="none" aria-hidden="true">
    <line class="axis" x1="0" x2="200" y1="8" y2="8" />
    <line class="zero" x1="100" x2="100" y1="0" y2="16" />
    ${allowed !== null && html`<line class="tolerance" x1=${allowed} x2=${allowed} y1="0" y2="16" />`}
    <line class="range" x1=${x(low)} x2=${x(high)} y1="8" y2="8" />
    <line class="mean" x1=${x(mean)} x2=${x(mean)} y1="2" y2="14" />
  </svg>`;
}
