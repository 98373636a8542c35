// The server's API: what is asked again and again is asked with the tag of the answer at hand, and not at all
// while nobody looks.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

/**
 * @template T
 * @typedef {object} Polled
 * @property {T | null} value  the newest answer; kept while the server does not answer
 * @property {string | null} trouble  why it is not newer
 * @property {boolean} closed  the server asks for a token
 * @property {number} skewMs  the server's clock minus this one's
 * @property {() => void} again  ask now
 */

/** For a server that asks everybody for its token; kept by this page only, until it is closed. */
let readerToken = '';

/** @param {string} token */
export const setReaderToken = (token) => {
  readerToken = token;
};

const bearer = (/** @type {string} */ token) => (token === '' ? {} : { authorization: `Bearer ${token}` });

/**
 * @template T
 * @param {string} path @param {number} everyMs
 * @returns {Polled<T>}
 */
export function usePolled(path, everyMs) {
  const [state, setState] = useState({
    value: /** @type {T | null} */ (null),
    trouble: /** @type {string | null} */ (null),
    closed: false,
    skewMs: 0,
  });
  const etag = useRef('');
  const [asked, ask] = useState(0);
  useEffect(() => {
    const gone = new AbortController();
    let timer = 0;
    let isAsking = false;
    const poll = async () => {
      if (isAsking) return; // Two at once would go on as two for ever.
      isAsking = true;
      clearTimeout(timer);
      if (!document.hidden) await once(gone.signal).catch((error) => lost(error, gone.signal));
      isAsking = false;
      if (!gone.signal.aborted) timer = window.setTimeout(poll, everyMs);
    };
    /** @param {AbortSignal} signal */
    const once = async (signal) => {
      const response = await fetch(`../api/${path}`, {
        headers: { 'if-none-match': etag.current, ...bearer(readerToken) },
        cache: 'no-store',
        signal,
      });
      const text = await response.text(); // Of a 304, too: what is not read counts as cut off.
      const skewMs = Date.parse(response.headers.get('date') ?? '') - Date.now() || 0;
      if (response.status === 304)
        return setState((now) => (now.trouble === null ? now : { ...now, trouble: null }));
      const body = JSON.parse(text);
      if (response.status === 401) setState((now) => ({ ...now, closed: true }));
      if (!response.ok) throw new Error(body.error?.message ?? `the server says ${response.status}`);
      etag.current = response.headers.get('etag') ?? '';
      setState({ value: body, trouble: null, closed: false, skewMs });
    };
    /** @param {unknown} error @param {AbortSignal} signal */
    const lost = (error, signal) => {
      if (signal.aborted) return;
      const trouble =
        error instanceof TypeError
          ? 'the server does not answer'
          : String(/** @type {Error} */ (error).message);
      setState((now) => ({ ...now, trouble }));
    };
    const seen = () => void (document.hidden || poll());
    document.addEventListener('visibilitychange', seen);
    poll();
    return () => {
      gone.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [path, everyMs, asked]);
  return { ...state, again: useCallback(() => ask((n) => n + 1), []) };
}

/**
 * @param {string} path @param {unknown} body @param {{ token?: string, signal?: AbortSignal }} [options]
 * @returns {Promise<any>}
 */
export async function post(path, body, { token = readerToken, signal } = {}) {
  const headers = { 'content-type': 'application/json', ...bearer(token) };
  const response = await fetch(`../api/${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Error(answer.error?.message ?? `the server says ${response.status}`);
}

/** The time, moved on every second while somebody looks, in the server's clock. @param {number} skewMs */
export function useNow(skewMs) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now + skewMs;
}
