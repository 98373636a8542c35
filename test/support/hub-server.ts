// A model hub on localhost that speaks as much of the Hugging Face hub's API as fetching needs, and breaks
// where a test tells it to. Large files come by redirect from another origin, as the real one's do.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export const commitA = 'a'.repeat(40);
export const commitB = 'b'.repeat(40);

type Files = Readonly<Record<string, string | Buffer>>;

export interface Request {
  readonly method: string;
  readonly url: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
  readonly encoding: string | undefined;
  /** Whether it came to the origin where large files lie. */
  readonly large: boolean;
}

export interface HubServer {
  readonly endpoint: string;
  readonly requests: Request[];
  /** What `main` stands for. */
  commit: string;
  files: Files;
  /** Connections break off at these bytes of a file, one each; later ones do not. */
  breaks: { readonly file: string; readonly at: number[] } | null;
  /** A client drops what it has not read yet when a connection breaks: it says when it has read so much. */
  received: (done: number) => void;
  ignoresRange: boolean;
  /** Answers to everything. */
  refuses: { readonly status: number; readonly code?: string } | null;
  /** Changes the headers that describe a file. */
  disguise: (headers: Record<string, string>) => Record<string, string>;
}

const digest = (algorithm: 'sha1' | 'sha256', ...parts: (string | Buffer)[]): string => {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

const isLarge = (file: string): boolean => file.endsWith('.safetensors');

export const blobOf = (file: string, content: string | Buffer): string => {
  const bytes = Buffer.from(content);
  return isLarge(file) ? digest('sha256', bytes) : digest('sha1', `blob ${bytes.length}\0`, bytes);
};

/** The repository `org/model`; gone when the test is over. */
export async function hubServer(files: Files): Promise<HubServer> {
  const hub: HubServer = {
    endpoint: '',
    requests: [],
    commit: commitA,
    files,
    breaks: null,
    received: () => {},
    ignoresRange: false,
    refuses: null,
    disguise: (headers) => headers,
  };
  const large = await listening((request, response) => {
    note(hub, request, true);
    send(hub, decodeURIComponent(request.url!.slice(1)), request, response);
  });
  const endpoint = await listening((request, response) => {
    note(hub, request, false);
    answer(hub, large, request, response);
  });
  return Object.assign(hub, { endpoint });
}

async function listening(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server: Server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function note(hub: HubServer, { method, url, headers }: IncomingMessage, large: boolean): void {
  const { range, authorization, 'accept-encoding': encoding } = headers;
  hub.requests.push({ method: method!, url: url!, range, authorization, encoding, large });
}

function answer(hub: HubServer, large: string, request: IncomingMessage, response: ServerResponse): void {
  const { method, url } = request;
  if (url!.startsWith('/here/')) return send(hub, url!.slice('/here/'.length), request, response);
  if (hub.refuses) {
    const { status, code } = hub.refuses;
    response.writeHead(status, code === undefined ? {} : { 'x-error-code': code }).end('refused');
    return;
  }
  const described = /^\/api\/models\/org\/model\/revision\/(.+)$/.exec(url!);
  if (described) {
    const siblings = Object.keys(hub.files).map((rfilename) => ({ rfilename }));
    const known = ['main', 'refs%2Fpr%2F1', hub.commit].includes(described[1]!);
    if (!known) response.writeHead(404, { 'x-error-code': 'RevisionNotFound' }).end();
    else response.end(JSON.stringify({ id: 'org/model', sha: hub.commit, siblings }));
    return;
  }
  if (url!.startsWith('/api/models/old/name/')) {
    response.writeHead(307, { location: url!.replace('old/name', 'org/model') }).end();
    return;
  }
  if (url!.startsWith('/old/name/')) {
    response.writeHead(307, { location: url!.replace('old/name', 'org/model') }).end();
    return;
  }
  const [, commit, file = ''] = /^\/org\/model\/resolve\/([^/]+)\/(.+)$/.exec(url!) ?? [];
  const content = hub.files[file];
  if (commit !== hub.commit || content === undefined) {
    response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
    return;
  }
  const etag = `"${blobOf(file, content)}"`;
  const size = String(Buffer.byteLength(content));
  const about = isLarge(file)
    ? { 'x-linked-etag': etag, 'x-linked-size': size, location: `${large}/${file}`, etag: '"of-a-pointer"' }
    : { etag, 'content-length': size };
  const headers = hub.disguise({ 'x-repo-commit': commit, ...about });
  if (isLarge(file)) response.writeHead(302, headers).end();
  else if (method === 'HEAD') response.writeHead(200, headers).end();
  else send(hub, file, request, response, headers);
}

function send(
  hub: HubServer,
  file: string,
  { headers }: IncomingMessage,
  response: ServerResponse,
  about: Record<string, string> = {},
): void {
  const content = Buffer.from(hub.files[file]!);
  const start = hub.ignoresRange ? 0 : Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
  if (start > 0 && start >= content.length) {
    response.writeHead(416).end();
    return;
  }
  const range = `bytes ${start}-${content.length - 1}/${content.length}`;
  const body = content.subarray(start);
  const end = hub.breaks?.file === file ? hub.breaks.at.shift() : undefined;
  const said = { ...about, 'content-length': String(body.length) };
  response.writeHead(start > 0 ? 206 : 200, start > 0 ? { ...said, 'content-range': range } : said);
  if (end === undefined) {
    response.end(body);
  } else if (end <= start) {
    response.flushHeaders();
    response.destroy();
  } else {
    response.write(content.subarray(start, end));
    hub.received = (done) => done >= end && response.destroy();
  }
}
