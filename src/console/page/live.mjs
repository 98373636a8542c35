// The live generation and its proof: what the gate saw, how it ranks beside others, and where it comes from.
import { html } from 'htm/preact';
import { count, figure, short, signed, span, spoken, time, words } from './format.mjs';
import { comparedIn, Intervals } from './interval.mjs';

/** @typedef {import('../view.ts').History} History */
/** @typedef {import('../view.ts').GenerationView} Generation */
/** @typedef {NonNullable<import('../view.ts').Status['serving']>} Serving */
/** @typedef {import('../view.ts').Status['operator']} Ability */

/**
 * @param {{ history: History, serving: Serving | null, now: number, operator: Ability,
 *   onRollback: (id: string) => void }} props
 */
export function Live({ history, serving, now, operator, onRollback }) {
  const live = history.generations.find(({ id }) => id === history.live);
  if (!live)
    return html`<section class="panel live" aria-labelledby="live">
      <h2 id="live">Live generation</h2>
      <p class="empty">
        None yet. The first generation appears here once the stream has brought enough groups for a cycle,
        with what the gate measured and where it was learnt from.
      </p>
    </section>`;
  return html`<section class="panel live" aria-labelledby="live">
    <div class="title">
      <h2 id="live">Live generation</h2>
      <${Back} before=${history.before} operator=${operator} onRollback=${onRollback} />
    </div>
    <p class="hero"><strong>${live.id}</strong> <span>made ${span(now - live.createdAt)} ago</span></p>
    <${Served} serving=${serving} live=${live.id} now=${now} />
    <${Proof} generation=${live} />
    <div class="halves">
      <${Rankers} metrics=${live.metrics} />
      <${Lineage} generation=${live} now=${now} />
    </div>
  </section>`;
}

/** @param {{ before: string | null, operator: Ability, onRollback: (id: string) => void }} props */
function Back({ before, operator, onRollback }) {
  const reason = operator.able ? 'nothing was live before it' : operator.reason;
  if (before === null || !operator.able)
    return html`<p class="closed"><button disabled>Roll back</button> <span>${reason}</span></p>`;
  return html`<button onClick=${() => onRollback(before)}>Roll back to ${before}</button>`;
}

/**
 * Where what answers is not what should.
 *
 * @param {{ serving: Serving | null, live: string, now: number }} props
 */
function Served({ serving, live, now }) {
  if (serving === null) return null;
  const { generation, lastRefusal } = serving;
  return html`${
    generation !== live &&
    html`<p class="note warn">
      ${generation === null ? 'No generation answers requests yet.' : `${generation} answers requests still.`}
    </p>`
  }
  ${
    lastRefusal &&
    html`<p class="note warn">
      ${lastRefusal.generation ?? 'A generation'} was refused ${span(now - lastRefusal.at)} ago:${' '}
      <code>${lastRefusal.code}</code> ${lastRefusal.message}
    </p>`
  }`;
}

const verdicts = /** @type {Record<string, string>} */ ({
  first: 'nothing was live before it',
  'live-unusable': 'what was live is damaged or gone',
  better: 'surely better than the one before, on held-out queries',
  'no-worse': 'surely no worse than the one before by more than is allowed, on held-out queries',
  unproven: 'too few held-out queries to compare on',
  'quality-held': 'no worse than the one before, on held-out queries',
  'quality-fell': 'worse than the one before, on held-out queries',
  'non-finite': 'a figure is not a number',
});

/** Said in words, or not worth saying. */
const aside = new Set(['live', 'nonFinite', 'confidence', 'movedAt', 'cooldown', 'dropMax']);

/** @param {{ generation: Generation }} props */
function Proof({ generation: { gate } }) {
  const { figures } = gate;
  const rows = comparedIn(figures);
  const drawn = new Set(rows.flatMap(({ names }) => names));
  const rest = Object.entries(figures).filter(([name]) => !drawn.has(name) && !aside.has(name));
  return html`<div class="proof">
    <h3>What the gate saw</h3>
    <p>
      <span class=${`chip ${gate.decision.toLowerCase()}`}>${gate.decision}</span> ${gate.reason}
      ${verdicts[gate.reason] && html`<span class="dim">: ${verdicts[gate.reason]}</span>`}
    </p>
    ${rows.length > 0 && html`<${Intervals} rows=${rows} figures=${figures} />`}
    ${
      rest.length > 0 &&
      html`<dl class="figures">
        ${rest.map(([name, value]) => html`<div><dt>${spoken(name)}</dt><dd>${plain(value)}</dd></div>`)}
      </dl>`
    }
  </div>`;
}

/** @param {number} value */
const plain = (value) => (Number.isInteger(value) ? count(value) : value < 0 ? signed(value) : figure(value));

const places = ['judgments', 'clicks', 'prequential'];
const rankers = ['student', 'teacher', 'bm25', 'shown', 'random'];

/**
 * How it ranks beside others, on the best evidence there is.
 *
 * @param {{ metrics: Record<string, number> }} props
 */
function Rankers({ metrics }) {
  const on = places.find((place) => metrics[`${place}.student.ndcg10`] !== undefined);
  if (on === undefined)
    return html`<div><h3>How it ranks</h3>
      <p class="empty">Measured once held-out queries have been clicked or judged.</p></div>`;
  const rows = rankers.flatMap((ranker) => {
    const value = metrics[`${on}.${ranker}.ndcg10`];
    return value === undefined ? [] : [{ ranker, value, pnr: metrics[`${on}.${ranker}.pnr`] }];
  });
  return html`<div>
    <h3>How it ranks</h3>
    <table class="bars">
      <caption>On ${count(metrics[`${on}.queries`])} ${words[on]} that never trained anything</caption>
      <thead>
        <tr>
          <th scope="col" colspan="2">ranker</th>
          <th scope="col" class="n">nDCG@10</th>
          <th scope="col" class="n">PNR</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ({ ranker, value, pnr }) => html`<tr class=${ranker}>
            <th scope="row">${words[ranker]}</th>
            <td class="bar"><span style=${{ width: `${value * 100}%` }}></span></td>
            <td class="n">${figure(value)}</td>
            <td class="n dim">${figure(pnr, 2)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** @param {{ generation: Generation, now: number }} props */
function Lineage({ generation: { lineage, cursor, weightsSha256, configDigest }, now }) {
  return html`<div>
    <h3>Where it comes from</h3>
    <dl class="lineage">
      <dt>learnt</dt>
      <dd>${count(cursor)} groups of <code>${lineage.topic || 'no topic'}</code></dd>
      <dt>clicks</dt>
      <dd>${time(lineage.eventFrom)}<br />to ${time(lineage.eventTo)} <span class="dim">(${span(
        lineage.eventTo === null ? null : now - lineage.eventTo,
      )} ago)</span></dd>
      <dt>offsets</dt>
      <dd>${Object.entries(lineage.offsets).map(
        ([partition, offset]) => html`<span class="offset">${partition} <b>${count(offset)}</b></span> `,
      )}</dd>
      <dt>teacher</dt>
      <dd>version ${lineage.teacherVersion}, ${figure(lineage.replayShare * 100, 0)} % replayed</dd>
      <dt>weights</dt>
      <dd><code title=${weightsSha256.student}>${short(weightsSha256.student)}</code></dd>
      <dt>config</dt>
      <dd><code title=${configDigest}>${short(configDigest)}</code></dd>
    </dl>
  </div>`;
}
