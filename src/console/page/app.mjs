// The page: polls, lays out, and passes on. What a panel shows is in the file of its name.
import { html } from 'htm/preact';
import { render } from 'preact';
import { useState } from 'preact/hooks';
import { setReaderToken, useNow, usePolled } from './api.mjs';
import { Curves } from './curves.mjs';
import { DeedDialog } from './deeds.mjs';
import { Generations } from './generations.mjs';
import { Live } from './live.mjs';
import { TryIt } from './try.mjs';
import { Vitals } from './vitals.mjs';

/** @typedef {import('../view.ts').Status} Status */
/** @typedef {import('../view.ts').History} History */
/** @typedef {{ kind: 'promote', id: string } | { kind: 'rollback', id: string }} Deed */

function App() {
  /** @type {import('./api.mjs').Polled<Status>} */
  const status = usePolled('status', 3000);
  /** @type {import('./api.mjs').Polled<History>} */
  const history = usePolled('history', 5000);
  const now = useNow(status.skewMs);
  const [deed, setDeed] = useState(/** @type {Deed | null} */ (null));
  const [said, say] = useState('');
  if (status.closed && status.value === null)
    return html`<${Closed}
      onToken=${(/** @type {string} */ token) => {
        setReaderToken(token);
        status.again();
        history.again();
      }}
    />`;
  if (status.value === null || history.value === null)
    return html`<p class="loading" role="status">${status.trouble ?? history.trouble ?? 'Loading'}</p>`;
  const { readiness, server, version, operator, tryIt } = status.value;
  const done = (/** @type {string} */ text) => {
    setDeed(null);
    say(text);
    history.again();
    status.again();
  };
  return html`
    <a class="skip" href="#main">Skip to the live generation</a>
    <header>
      <h1>restill <span class="kind">${server}</span></h1>
      <${State} readiness=${readiness} trouble=${status.trouble ?? history.trouble} />
      <p class="version">${version}</p>
    </header>
    <p class="said" role="status">${said}</p>
    <main id="main" tabindex="-1">
      <${Obstacles} readiness=${readiness} />
      <${Live}
        history=${history.value}
        serving=${status.value.serving}
        now=${now}
        operator=${operator}
        onRollback=${(/** @type {string} */ id) => setDeed({ kind: 'rollback', id })}
      />
      <${Vitals} status=${status.value} history=${history.value} now=${now} />
      <${Curves} history=${history.value} />
      <${Generations}
        history=${history.value}
        now=${now}
        operator=${operator}
        onPromote=${(/** @type {string} */ id) => setDeed({ kind: 'promote', id })}
      />
      <${TryIt} ability=${tryIt} />
    </main>
    ${deed && html`<${DeedDialog} deed=${deed} onDone=${done} onClose=${() => setDeed(null)} />`}
  `;
}

/** @param {{ onToken: (token: string) => void }} props */
function Closed({ onToken }) {
  const give = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    onToken(String(new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)).get('token') ?? ''));
  };
  return html`<main class="door">
    <form class="panel" onSubmit=${give}>
      <h1>restill</h1>
      <label>
        This server asks for its token
        <input name="token" type="password" required autofocus autocomplete="off" />
      </label>
      <div class="buttons"><button class="main">Go on</button></div>
    </form>
  </main>`;
}

/** @param {{ readiness: Status['readiness'], trouble: string | null }} props */
function State({ readiness, trouble }) {
  if (trouble !== null) return html`<p class="pill bad" role="status">No contact: ${trouble}</p>`;
  return html`<p class=${`pill ${readiness.ready ? 'good' : 'warn'}`} role="status">
    ${readiness.ready ? 'Ready' : 'Not ready'}<span class="state">${readiness.state.toLowerCase()}</span>
  </p>`;
}

/** @param {{ readiness: Status['readiness'] }} props */
function Obstacles({ readiness }) {
  if (readiness.obstacles.length === 0) return null;
  return html`<section class="obstacles" aria-labelledby="obstacles">
    <h2 id="obstacles">Why it is not ready</h2>
    <ul>
      ${readiness.obstacles.map(({ code, message }) => html`<li><code>${code}</code> ${message}</li>`)}
    </ul>
  </section>`;
}

const root = document.getElementById('app');
if (root) {
  root.replaceChildren();
  render(html`<${App} />`, root);
}
