// Whether it keeps up: freshness, lag, journal, labels, turns.
import { html } from 'htm/preact';
import { bytes, count, figure, span } from './format.mjs';

/** @typedef {import('../view.ts').Status} Status */
/** @typedef {import('../view.ts').History} History */

/** @param {{ status: Status, history: History, now: number }} props */
export function Vitals({ status: { stream, trainer, serving }, history, now }) {
  const live = history.generations.find(({ id }) => id === history.live);
  const newest = live?.lineage.eventTo ?? null;
  return html`<section class="panel vitals" aria-labelledby="vitals">
    <h2 id="vitals">Keeping up</h2>
    <dl class="tiles">
      <${Tile}
        name="freshness"
        value=${newest === null ? '–' : span(now - newest)}
        note="since the newest click in the live generation"
      />
      ${stream && html`<${Lag} stream=${stream} />`}
      ${stream && html`<${Journal} journal=${stream.journal} />`}
      ${trainer && html`<${Labels} age=${trainer.labelAgeVersions} />`}
      ${serving && html`<${Serving} serving=${serving} now=${now} />`}
    </dl>
    ${
      stream
        ? html`<${Partitions} partitions=${stream.partitions} now=${now} />`
        : html`<p class="empty">
            This process serves; lag, journal and turns are with the <code>restill run</code> that learns.
          </p>`
    }
    ${trainer && html`<${Trainer} trainer=${trainer} />`}
  </section>`;
}

/** @param {{ serving: NonNullable<Status['serving']>, now: number }} props */
function Serving({ serving, now }) {
  const { generation, since, pairs, queuedPairs, swaps, refusals } = serving;
  const answering = generation === null ? 'nothing answers yet' : `${generation} has answered`;
  return html`
    <${Tile} name="answering" value=${since === null ? '–' : span(now - since)} note=${answering} />
    <${Tile} name="scored" value=${count(pairs)} note=${`pairs; ${count(queuedPairs)} wait`} />
    <${Tile} name="swaps" value=${count(swaps)} note=${`of generations; ${count(refusals)} refused`} />
  `;
}

/** @param {{ name: string, value: unknown, note: unknown }} props */
const Tile = ({ name, value, note }) => html`<div>
  <dt>${name}</dt>
  <dd><b>${value}</b><span>${note}</span></dd>
</div>`;

/** @param {{ stream: NonNullable<Status['stream']> }} props */
function Lag({ stream: { partitions, records, deadLetters } }) {
  const known = partitions.filter(({ lagRecords }) => lagRecords !== null);
  const lag = known.reduce((sum, { lagRecords }) => sum + (lagRecords ?? 0), 0);
  const letters = deadLetters > 0 ? `, ${count(deadLetters)} dead letters` : '';
  const value = known.length === 0 ? '–' : count(lag);
  const note = `records to go; ${count(records)} taken in${letters}`;
  return html`<${Tile} name="lag" value=${value} note=${note} />`;
}

/** @param {{ journal: { groups: number, capacity: number } | null }} props */
function Journal({ journal }) {
  if (journal === null) return html`<${Tile} name="journal" value="–" note="shown after the first groups" />`;
  const share = journal.groups / journal.capacity;
  const meter = html`<meter min="0" max="1" high="0.9" optimum="0" value=${share} aria-label="fill"></meter>`;
  const note = html`${meter} ${count(journal.groups)} of ${count(journal.capacity)} groups`;
  const value = `${figure(share * 100, share < 0.1 ? 1 : 0)} %`;
  return html`<${Tile} name="journal" value=${value} note=${note} />`;
}

/** @param {{ age: number | null }} props */
const Labels = ({ age }) => html`<${Tile}
  name="label age"
  value=${count(age)}
  note=${age === null ? 'shown after the first scoring' : 'teacher versions, the oldest in use'}
/>`;

/** @param {{ partitions: NonNullable<Status['stream']>['partitions'], now: number }} props */
function Partitions({ partitions, now }) {
  if (partitions.length === 0)
    return html`<p class="empty">No partition is read yet; they appear when the group has been joined.</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Partitions">
    <table>
      <caption>Partitions</caption>
      <thead>
        <tr>
          <th scope="col">partition</th>
          <th scope="col" class="n">lag</th>
          <th scope="col" class="n">newest event</th>
          <th scope="col" class="n">waiting</th>
        </tr>
      </thead>
      <tbody>
        ${partitions.map(
          (at) => html`<tr key=${`${at.topic}/${at.partition}`}>
            <th scope="row">
              ${at.topic}/${at.partition} ${at.paused && html`<span class="chip hold">paused</span>`}
            </th>
            <td class="n">${count(at.lagRecords)}</td>
            <td class="n">${at.eventAt === null ? '–' : `${span(now - at.eventAt)} ago`}</td>
            <td class="n">${at.bufferedBytes === null ? '–' : bytes(at.bufferedBytes)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

const objectives = /** @type {Record<string, string>} */ ({
  PRETRAIN: 'pretrain',
  FINETUNE: 'finetune',
  DISTILL: 'distill',
});

/** @param {{ trainer: NonNullable<Status['trainer']> }} props */
function Trainer({ trainer }) {
  const { up, backlogGroups, steps, restarts, turns, losses } = trainer;
  const standing = up === null ? 'starting' : up ? 'at work' : 'away';
  const total = Math.max(
    1e-9,
    turns.reduce((sum, { seconds }) => sum + seconds, 0),
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Turns">
    <table class="bars">
      <caption>
        Trainer ${standing}: ${count(backlogGroups)} groups to learn, ${count(steps)} steps${
          restarts > 0 ? `, ${count(restarts)} restarts` : ''
        }
      </caption>
      <thead>
        <tr>
          <th scope="col">turn</th>
          <th scope="col">share of time</th>
          <th scope="col" class="n">turns</th>
          <th scope="col" class="n">loss</th>
        </tr>
      </thead>
      <tbody>
        ${turns.map(
          ({ turn, count: done, seconds }) => html`<tr key=${turn}>
            <th scope="row">${turn.toLowerCase()}</th>
            <td class="bar"><span style=${{ width: `${(100 * seconds) / total}%` }}></span></td>
            <td class="n">${count(done)}</td>
            <td class="n">${figure(losses[objectives[turn] ?? ''] ?? null)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
