// A box to try: ranks pasted documents, one a line, by the live student and the newest one that is not live.
import { html } from 'htm/preact';
import { useRef, useState } from 'preact/hooks';
import { post } from './api.mjs';
import { figure } from './format.mjs';

/** @typedef {import('../view.ts').Tried} Tried */
/** @typedef {{ documents: string[], tried: Tried }} Result */

/** @param {{ ability: import('../view.ts').Status['tryIt'] }} props */
export function TryIt({ ability }) {
  const [result, setResult] = useState(/** @type {Result | null} */ (null));
  const [trouble, setTrouble] = useState('');
  const [busy, setBusy] = useState(false);
  const asked = useRef(/** @type {AbortController | null} */ (null));
  if (!ability.able)
    return html`<section class="panel try" aria-labelledby="try">
      <h2 id="try">Try it</h2>
      <p class="empty">Not here: ${ability.reason}.</p>
    </section>`;
  const rank = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const query = String(form.get('query') ?? '');
    const documents = String(form.get('documents') ?? '')
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
    asked.current?.abort();
    const mine = new AbortController();
    asked.current = mine;
    setBusy(true);
    setTrouble('');
    try {
      const tried = await post('try', { query, documents }, { signal: mine.signal });
      setResult({ documents, tried });
    } catch (error) {
      if (!mine.signal.aborted) setTrouble(/** @type {Error} */ (error).message);
    }
    if (asked.current === mine) setBusy(false);
  };
  return html`<section class="panel try" aria-labelledby="try">
    <h2 id="try">Try it</h2>
    <form onSubmit=${rank}>
      <label>
        Query
        <input name="query" required maxlength="1000" autocomplete="off" spellcheck=${false} />
      </label>
      <label>
        Documents, one a line
        <textarea name="documents" required rows="8" autocomplete="off" spellcheck=${false}></textarea>
      </label>
      <div class="buttons">
        <button class="main" aria-busy=${busy}>Rank</button>
        <span class="dim">Scored here and kept nowhere.</span>
      </div>
      ${trouble && html`<p class="trouble" role="alert">${trouble}</p>`}
    </form>
    <div class="halves" aria-live="polite">
      ${
        result
          ? html`<${Ranking} name="live" ...${result} /><${Ranking} name="candidate" ...${result} />`
          : html`<p class="empty">
              The order of the live generation appears here, beside that of the newest that is not live.
            </p>`
      }
    </div>
  </section>`;
}

/** @param {Result & { name: 'live' | 'candidate' }} props */
function Ranking({ name, documents, tried }) {
  const one = tried[name];
  if ('error' in one) return html`<div><h3>${name}</h3><p class="empty">${one.error.message}</p></div>`;
  const places = placesOf(one.scores);
  const other = 'error' in tried.live || name === 'live' ? null : placesOf(tried.live.scores);
  const rows = documents
    .map((text, i) => ({ text, score: one.scores[i], place: places[i] ?? 0, before: other?.[i] }))
    .sort((a, b) => a.place - b.place);
  return html`<div>
    <h3>${name} <code>${one.generation}</code> <span class="dim">${figure(one.milliseconds, 1)} ms</span></h3>
    <ol class="ranking">
      ${rows.map(
        ({ text, score, place, before }) => html`<li key=${place}>
          <span class="text">${text}</span>
          <${Move} place=${place} before=${before} />
          <span class="score">${figure(score)}</span>
        </li>`,
      )}
    </ol>
  </div>`;
}

/**
 * By how many places it stands otherwise than in the live order.
 *
 * @param {{ place: number, before?: number }} props
 */
function Move({ place, before }) {
  if (before === undefined || before === place) return html`<span class="move"></span>`;
  const up = before > place;
  const by = Math.abs(before - place);
  return html`<span class=${`move ${up ? 'up' : 'down'}`}>
    <span aria-hidden="true">${up ? '▲' : '▼'}${by}</span>
    <span class="unseen">${up ? 'up' : 'down'} ${by}</span>
  </span>`;
}

/** Place of each score, 1 for the highest; equal ones in the order given. @param {number[]} scores */
const placesOf = (scores) => {
  const order = scores.map((_, i) => i).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
  const places = scores.map(() => 0);
  order.forEach((index, place) => {
    places[index] = place + 1;
  });
  return places;
};
