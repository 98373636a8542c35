// The generations that are kept, newest first, and what tells two of them apart.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { usePolled } from './api.mjs';
import { bytes, count, figure, signed, span, words } from './format.mjs';

/** @typedef {import('../view.ts').History} History */
/** @typedef {import('../view.ts').Difference} Difference */
/** @typedef {import('../view.ts').GenerationView} Generation */
/** @typedef {import('../view.ts').Status['operator']} Ability */

/** @param {{ history: History, now: number, operator: Ability, onPromote: (id: string) => void }} props */
export function Generations({ history, now, operator, onPromote }) {
  const shared = { now, operator, onPromote };
  const newestFirst = [...history.generations].reverse();
  return html`<section class="panel generations" aria-labelledby="generations">
    <div class="title">
      <h2 id="generations">Generations</h2>
      ${
        !operator.able &&
        html`<p class="closed" id="closed">Promote and roll back are off: ${operator.reason}</p>`
      }
    </div>
    ${
      newestFirst.length === 0
        ? html`<p class="empty">None yet. Each is listed here with its gate's verdict.</p>`
        : html`<div class="scroll" tabindex="0" role="region" aria-labelledby="generations">
            <table>
              <thead>
                <tr>
                  <th scope="col">generation</th>
                  <th scope="col">gate</th>
                  <th scope="col" class="n">nDCG@10</th>
                  <th scope="col" class="n middle">groups</th>
                  <th scope="col" class="n wide">teacher</th>
                  <th scope="col" class="n wide">size</th>
                  <th scope="col" class="n middle">age</th>
                  <th scope="col"><span class="unseen">put in service</span></th>
                </tr>
              </thead>
              <tbody>
                ${newestFirst.map(
                  (one) => html`<${Row} key=${one.id} one=${one} live=${history.live} ...${shared} />`,
                )}
              </tbody>
            </table>
          </div>`
    }
    ${newestFirst.length > 1 && html`<${Compare} history=${history} />`}
  </section>`;
}

/**
 * @param {{ one: Generation, live: string | null, now: number, operator: Ability,
 *   onPromote: (id: string) => void }} props
 */
function Row({ one, live, now, operator, onPromote }) {
  const { gate } = one;
  const quality = ['judgments', 'clicks', 'prequential']
    .map((place) => one.metrics[`${place}.student.ndcg10`])
    .find((value) => value !== undefined);
  return html`<tr class=${one.id === live ? 'islive' : ''}>
    <th scope="row">${one.id}${one.id === live && html` <span class="chip live">live</span>`}</th>
    <td><span class=${`chip ${gate.decision.toLowerCase()}`}>${gate.decision}</span> ${gate.reason}</td>
    <td class="n">${figure(quality)}</td>
    <td class="n middle">${count(one.cursor)}</td>
    <td class="n wide">v${one.lineage.teacherVersion}</td>
    <td class="n wide">${bytes(one.bytes)}</td>
    <td class="n middle">${span(now - one.createdAt)}</td>
    <td class="n">
      ${
        one.id === live
          ? ''
          : html`<button
              disabled=${!operator.able}
              aria-label=${`Promote ${one.id}`}
              aria-describedby=${operator.able ? undefined : 'closed'}
              onClick=${() => onPromote(one.id)}
            >
              Promote
            </button>`
      }
    </td>
  </tr>`;
}

/** @param {{ history: History }} props */
function Compare({ history }) {
  const ids = history.generations.map(({ id }) => id);
  const [chosen, choose] = useState(/** @type {{ from?: string, to?: string }} */ ({}));
  const kept = (/** @type {string | null | undefined} */ id) =>
    id != null && ids.includes(id) ? id : undefined;
  // Unless others are chosen: the newest against what is live, or what is live against what was.
  const to = kept(chosen.to) ?? ids.at(-1) ?? '';
  const others = [history.live, history.before, ids.at(-2)].filter((id) => id !== to);
  const from = kept(chosen.from) ?? others.map(kept).find((id) => id !== undefined) ?? '';
  const pick = (/** @type {'from' | 'to'} */ end) => (/** @type {string} */ id) =>
    choose({ ...chosen, [end]: id });
  return html`<div class="compare">
    <h3>
      Compare${' '}
      <${Pick} label="from" ids=${ids} value=${from} onChange=${pick('from')} />
      ${' with '}
      <${Pick} label="with" ids=${ids} value=${to} onChange=${pick('to')} />
    </h3>
    <${Differences} key=${`${from} ${to}`} from=${from} to=${to} />
  </div>`;
}

/** @param {{ label: string, ids: string[], value: string, onChange: (id: string) => void }} props */
const Pick = ({ label, ids, value, onChange }) => html`<select
  aria-label=${`compare ${label}`}
  value=${value}
  onChange=${(/** @type {any} */ event) => onChange(event.currentTarget.value)}
>
  ${ids.map((id) => html`<option value=${id} selected=${id === value}>${id}</option>`)}
</select>`;

const shown = ['student', 'teacher'].flatMap((ranker) =>
  ['judgments', 'clicks', 'prequential'].flatMap((place) =>
    ['ndcg10', 'pnr'].map((measure) => ({
      name: `${place}.${ranker}.${measure}`,
      label: `${words[ranker]}, ${words[measure]}, ${words[place]}`,
    })),
  ),
);

/** @param {{ from: string, to: string }} props */
function Differences({ from, to }) {
  /** @type {import('./api.mjs').Polled<Difference>} */
  const { value, trouble } = usePolled(`difference?from=${from}&to=${to}`, 60_000);
  if (value === null) return html`<p class="empty" role="status">${trouble ?? 'Comparing'}</p>`;
  if (from === to) return html`<p class="empty">Choose two that are not the same.</p>`;
  const rows = shown.flatMap(({ name, label }) => {
    const found = value.figures.find((one) => one.name === name);
    return found ? [{ ...found, label }] : [];
  });
  return html`<div class="halves">
    <div class="scroll" tabindex="0" role="region" aria-label="Figures compared">
      <table>
        <thead>
          <tr>
            <th scope="col">measure</th>
            <th scope="col" class="n">${from}</th>
            <th scope="col" class="n">${to}</th>
            <th scope="col" class="n">change</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) => html`<tr key=${row.name}>
              <th scope="row">${row.label}</th>
              <td class="n">${figure(row.from)}</td>
              <td class="n">${figure(row.to)}</td>
              <td class="n">${row.from === null || row.to === null ? '–' : signed(row.to - row.from)}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <dl class="facts">
      ${value.facts.map(
        (fact) => html`<div key=${fact.name}>
          <dt>${fact.name}</dt>
          <dd>
            <code title=${fact.from}>${cut(fact.from)}</code>
            ${' → '}<code title=${fact.to}>${cut(fact.to)}</code>
          </dd>
        </div>`,
      )}
    </dl>
  </div>`;
}

/** Digests are told apart by their beginning. @param {string} text */
const cut = (text) => (/^[0-9a-f]{64}$/.test(text) ? text.slice(0, 12) : text);
