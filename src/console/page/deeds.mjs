// Promote and roll back: asks who, why, and for the token, which is kept nowhere.
import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { post } from './api.mjs';

/** @param {{ deed: import('./app.mjs').Deed, onDone: (said: string) => void, onClose: () => void }} props */
export function DeedDialog({ deed, onDone, onClose }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [trouble, setTrouble] = useState('');
  const [busy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const act = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const said = (/** @type {string} */ name) => String(form.get(name) ?? '');
    const by = { who: said('who'), reason: said('reason') };
    setBusy(true);
    setTrouble('');
    try {
      const path = deed.kind === 'promote' ? 'promote' : 'rollback';
      const body = deed.kind === 'promote' ? { generation: deed.id, ...by } : by;
      const moved = await post(path, body, { token: said('token') });
      onDone(`${moved.live} is live.`);
    } catch (error) {
      setTrouble(/** @type {Error} */ (error).message);
      setBusy(false);
    }
  };
  const what = deed.kind === 'promote' ? `Promote ${deed.id}` : `Roll back to ${deed.id}`;
  return html`<dialog ref=${dialog} onClose=${onClose} aria-labelledby="deed">
    <form onSubmit=${act}>
      <h2 id="deed">${what}</h2>
      <p class="dim">
        Requests in flight finish on the weights they began with. The audit keeps who and why.
      </p>
      <label>Your name <input name="who" required maxlength="100" autocomplete="username" autofocus /></label>
      <label>Why <input name="reason" required minlength="3" maxlength="500" autocomplete="off" /></label>
      <label>Operator's token <input name="token" type="password" required autocomplete="off" /></label>
      ${trouble && html`<p class="trouble" role="alert">${trouble}</p>`}
      <div class="buttons">
        <button type="button" onClick=${() => dialog.current?.close()}>Cancel</button>
        <button class="main" disabled=${busy}>${what}</button>
      </div>
    </form>
  </dialog>`;
}
