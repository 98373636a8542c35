// The hub's API as far as fetching needs it, by hand: a few requests, and no client has an offline mode that
// is one. https://huggingface.co/docs/hub/api
//
// The token goes to the hub's own origin only: fetch takes the header off where a redirect leaves it.
import { z } from 'zod';
import { RestillError } from '../errors.ts';
import { blobName } from './etag.ts';
import type { Hub, Listing, RemoteFile, Transfer } from './ports.ts';
import { isCommit, type ModelReference, referenceText } from './reference.ts';
import type { HubSettings } from './settings.ts';

/** For an answer without a body. A body that stalls is given up by fetch itself, after five minutes. */
const answerMsMax = 30_000;
/** Of a listing: a few hundred files are a few tens of kilobytes. */
const listingBytesMax = 32 * 1024 * 1024;
/** Of a renamed repository. */
const redirectsMax = 5;

const listingSchema = z.object({
  sha: z.string().refine(isCommit, 'expected a commit'),
  siblings: z.array(z.object({ rfilename: z.string() })),
});

type Settings = Pick<HubSettings, 'endpoint' | 'token'>;

export function openHub({ endpoint, token }: Settings): Hub {
  // Sizes are of what is sent, and hashes of what is meant: they must be the same.
  const headers = {
    'accept-encoding': 'identity',
    'user-agent': 'restill',
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  };
  const request = async (url: string, what: string, init: RequestInit): Promise<Response> => {
    const response = await reached(url, fetch(url, { ...init, headers: { ...headers, ...init.headers } }));
    if (response.status < 400) return response;
    await response.body?.cancel();
    throw refusal(response, what, token !== null);
  };
  return {
    async describe(reference: ModelReference): Promise<Listing> {
      const { repository, revision } = reference;
      const url = `${endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}`;
      const what = referenceText(reference);
      const response = await request(url, what, { signal: AbortSignal.timeout(answerMsMax) });
      return listingOf(await boundedText(url, response), url);
    },
    async locate({ repository, commit, file }): Promise<RemoteFile> {
      let url = `${endpoint}/${repository}/resolve/${commit}/${file}`;
      for (let count = 0; count <= redirectsMax; count++) {
        const signal = AbortSignal.timeout(answerMsMax);
        const what = `${file} of ${repository}`;
        const { headers: given } = await request(url, what, { method: 'HEAD', redirect: 'manual', signal });
        const renamed = given.has('x-linked-etag') ? null : sameOrigin(given.get('location'), url);
        if (renamed === null) return remoteFile(given, { url, file, commit });
        url = renamed;
      }
      throw new RestillError(
        'HUB_REFUSED',
        `${url}: more than ${redirectsMax} redirects; try it in a browser`,
      );
    },
    async open(remote: RemoteFile, from: number): Promise<Transfer> {
      const range: RequestInit = from === 0 ? {} : { headers: { range: `bytes=${from}-` } };
      const response = await request(remote.url, remote.file, range);
      return { from: startOf(response, from), body: bodyOf(remote.url, response) };
    },
  };
}

async function reached(url: string, answer: Promise<Response>): Promise<Response> {
  try {
    return await answer;
  } catch (error) {
    throw unreachable(url, error);
  }
}

const unreachable = (url: string, error: unknown): RestillError =>
  new RestillError(
    'HUB_UNREACHABLE',
    `${new URL(url).origin} cannot be reached (${reasonOf(error)}); check the network and HF_ENDPOINT and ` +
      'repeat the command, or give --offline for what the cache has',
    { cause: error },
  );

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as { cause?: unknown };
  const { code, message } = cause as { code?: string; message?: string };
  return message || code || String(error);
}

function refusal({ status, headers }: Response, what: string, hasToken: boolean): RestillError {
  if (status === 429 || status >= 500)
    return new RestillError('HUB_UNREACHABLE', `the hub answers ${status} to ${what}; repeat it later`);
  if (status === 401 || status === 403)
    return new RestillError(
      'HUB_REFUSED',
      `the hub does not give ${what} (${status}): it is gated, private or not there. Check the name, ` +
        `accept its terms on the hub, and set HF_TOKEN to a token that may read it` +
        (hasToken ? ' (the one set may not)' : ''),
    );
  const whatIsNot =
    headers.get('x-error-code') === 'RevisionNotFound' ? 'such revision' : 'such model or file';
  return new RestillError(
    'HUB_REFUSED',
    status === 404
      ? `the hub has no ${whatIsNot}: ${what}; check the spelling`
      : `the hub answers ${status} to ${what}; is HF_ENDPOINT a hub?`,
  );
}

async function boundedText(url: string, response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of bodyOf(url, response)) {
    bytes += chunk.length;
    if (bytes > listingBytesMax) throw notAHub(url, `more than ${listingBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function listingOf(text: string, url: string): Listing {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw notAHub(url, 'no JSON'); // the parser's own words would add nothing
  }
  const parsed = listingSchema.safeParse(json);
  if (!parsed.success) throw notAHub(url, z.prettifyError(parsed.error));
  return { commit: parsed.data.sha, files: parsed.data.siblings.map(({ rfilename }) => rfilename) };
}

const notAHub = (url: string, found: string): RestillError =>
  new RestillError('HUB_REFUSED', `${url} does not answer as a hub does: ${found}; check HF_ENDPOINT`);

/** Where a repository was renamed to; null for no redirect, and for one to where large files lie. */
function sameOrigin(location: string | null, url: string): string | null {
  if (location === null || !URL.canParse(location, url)) return null;
  const target = new URL(location, url);
  return target.origin === new URL(url).origin ? target.href : null;
}

function remoteFile(headers: Headers, at: { url: string; file: string; commit: string }): RemoteFile {
  const { url, file, commit } = at;
  const actual = headers.get('x-repo-commit');
  if (actual !== commit)
    throw notAHub(url, `the commit ${actual ?? '(none, in X-Repo-Commit)'} instead of ${commit}`);
  const size = headers.get('x-linked-size') ?? headers.get('content-length') ?? '';
  if (!/^\d{1,15}$/.test(size)) throw notAHub(url, `the size ${JSON.stringify(size)}`);
  return {
    url,
    file,
    blob: blobName(headers.get('x-linked-etag') ?? headers.get('etag'), file),
    bytes: Number(size),
  };
}

function startOf(response: Response, asked: number): number {
  if (response.status !== 206) return 0;
  const start = Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1]);
  if (start === asked) return start;
  throw notAHub(response.url, `the range ${response.headers.get('content-range')}, asked for from ${asked}`);
}

async function* bodyOf(url: string, response: Response): AsyncIterable<Uint8Array> {
  try {
    for await (const chunk of response.body ?? []) yield chunk as Uint8Array;
  } catch (error) {
    throw unreachable(url, error);
  }
}
