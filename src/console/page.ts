// The page as the browser gets it: which files there are, under which names, and what they may do. No build
// step: libraries come from node_modules as the modules that they are, found by an import map. The map must
// stand in the page itself, so the policy names its digest; nothing else that is inline runs.
import { createHash } from 'node:crypto';

/** A file of the page. `path` is relative to `/console/`; the page itself is the empty one. */
export interface PageFile {
  readonly path: string;
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly etag: string;
}

export interface Page {
  readonly files: readonly PageFile[];
  /** Value of Content-Security-Policy. */
  readonly policy: string;
}

/** Bare name in a script -> file below `/console/`, and where it comes from. */
export const libraries = [
  { name: 'preact', path: 'lib/preact.mjs', from: 'preact/dist/preact.mjs' },
  { name: 'preact/hooks', path: 'lib/preact-hooks.mjs', from: 'preact/hooks/dist/hooks.mjs' },
  { name: 'htm', path: 'lib/htm.mjs', from: 'htm/dist/htm.mjs' },
  { name: 'htm/preact', path: 'lib/htm-preact.mjs', from: 'htm/preact/index.mjs' },
  { name: 'uplot', path: 'lib/uplot.mjs', from: 'uplot/dist/uPlot.esm.js' },
] as const;

/** Styles of libraries, by their path below `/console/`. */
export const libraryStyles = [{ path: 'lib/uplot.css', from: 'uplot/dist/uPlot.min.css' }] as const;

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

const importMap = JSON.stringify({
  imports: Object.fromEntries(libraries.map(({ name, path }) => [name, `./${path}`])),
});

const policy = [
  "default-src 'none'",
  `script-src 'self' 'sha256-${createHash('sha256').update(importMap).digest('base64')}'`,
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Where index.html wants the import map. */
const mapMark = '<!-- import map -->';

/** @param files by path below `/console/`; `index.html` is the page. */
export function makePage(files: ReadonlyMap<string, Uint8Array>): Page {
  return { policy, files: [...files].map(([path, bytes]) => pageFile(path, bytes)) };
}

function pageFile(path: string, bytes: Uint8Array): PageFile {
  const isIndex = path === 'index.html';
  const served = isIndex ? withImportMap(bytes) : bytes;
  return {
    path: isIndex ? '' : path,
    type: types[path.slice(path.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
    bytes: served,
    etag: etagOf(served),
  };
}

const withImportMap = (html: Uint8Array): Uint8Array =>
  Buffer.from(
    Buffer.from(html)
      .toString('utf8')
      .replace(mapMark, () => `<script type="importmap">${importMap}</script>`),
  );

/** Strong: the same bytes, the same tag. */
export const etagOf = (bytes: Uint8Array | string): string =>
  `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;

/** Whether one of the tags that a client has is this one. */
export const knows = (ifNoneMatch: string | undefined, etag: string): boolean =>
  (ifNoneMatch ?? '').split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
