// Rules about text: sizes, names of files, what must not be written down.
import { isCode, isSource, linesOf, perFile, perLine, type Rule } from './rule.ts';

const linesMax = 350;
const columnsMax = 110;
/** What a suffix means stands in imports.ts. */
const suffixes = 'rx|kafka|lmdb|tf|fs|http|ort|s3';

/** Spelt apart, so that this file may name them. */
const unfinished = ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'];
const silenced = ['@ts-' + 'ignore', '@ts-' + 'nocheck', 'eslint-' + 'disable'];

const scheme = 'http:' + '//';

const always = (): boolean => true;

export const textRules: readonly Rule[] = [
  {
    name: `a file has at most ${linesMax} lines`,
    check: perFile(isCode, (file) => {
      const count = linesOf(file).length - 1;
      const says = `${count} lines, at most ${linesMax}: find the second noun in it and give it a file`;
      return count > linesMax ? [{ path: file.path, line: linesMax + 1, says }] : [];
    }),
    bad: [{ 'src/a.ts': '\n'.repeat(linesMax + 1) }],
    good: [{ 'src/a.ts': '\n'.repeat(linesMax) }, { 'docs/long.md': '\n'.repeat(linesMax + 1) }],
  },
  {
    name: `a line has at most ${columnsMax} columns`,
    check: perLine(isCode, (line) =>
      [...line].length > columnsMax && !line.includes('https://')
        ? `${[...line].length} columns, at most ${columnsMax}: break the line, or the text in it with +`
        : null,
    ),
    bad: [{ 'src/a.ts': 'x'.repeat(columnsMax + 1) }],
    good: [{ 'src/a.ts': 'é'.repeat(columnsMax) }, { 'src/a.ts': `// https://${'x'.repeat(columnsMax)}` }],
  },
  {
    name: 'a source file is named in kebab case with at most one known suffix',
    check: perFile(isSource, ({ path }) => {
      const name = path.slice(path.lastIndexOf('/') + 1);
      const known = new RegExp(`^[a-z0-9]+(-[a-z0-9]+)*(\\.(${suffixes}))?\\.ts$`).test(name);
      const says = `name it like join.ts or journal.lmdb.ts; suffixes: ${suffixes.replaceAll('|', ', ')}`;
      return known ? [] : [{ path, line: 1, says }];
    }),
    bad: [
      { 'src/streams/joinEvents.ts': '' },
      { 'src/streams/journal.sqlite.ts': '' },
      { 'src/a.rx.fs.ts': '' },
    ],
    good: [{ 'src/streams/slot-table.ts': '' }, { 'src/streams/journal.lmdb.ts': '' }],
  },
  {
    name: 'nothing is left unfinished or silenced',
    check: perLine(isCode, (line) => {
      const word = unfinished.find((name) => new RegExp(`\\b${name}\\b`).test(line));
      if (word) return `${word}: do it, or write an issue and delete the line`;
      const mark = silenced.find((name) => line.includes(name));
      return mark
        ? `${mark}: repair what it hides, or use @ts-expect-error / biome-ignore with a reason`
        : null;
    }),
    bad: [...unfinished.map((word) => `// ${word} later`), ...silenced].map((text) => ({ 'src/a.ts': text })),
    good: [{ 'src/a.ts': '// done' }],
  },
  {
    name: 'no path of one machine',
    check: perLine(always, (line, { path }) => {
      if (/(^|[^\w.\-/])\/(work|home|root|Users)\/\w/.test(line))
        return 'a path of one machine: make it relative to the repository, or take it from the environment';
      if (isSource(path) && /['"`]\/tmp\b/.test(line)) return 'use tmpdir() of node:os';
      return null;
    }),
    bad: [
      { 'docs/a.md': `see /${'work'}/main` },
      { 'src/a.ts': `open("/${'home'}/me/x")` },
      { 'src/a.ts': "open('/tmp/x')" },
    ],
    good: [{ 'docs/a.md': 'src/homework/ and ../work/x, a/root/b' }, { 'test/a.ts': "'/tmp/x'" }],
  },
  {
    name: 'no registry or host of one machine',
    check: perLine(always, (line, { path }) => {
      const { host } = /https?:\/\/(?<host>[^/\s"'`)>$:]+)/.exec(line)?.groups ?? {};
      if (host && isPrivate(host)) return `${host} is not a public host: leave it out`;
      if (path.endsWith('.npmrc') && /registry/.test(line))
        return 'the registry is a setting of the user, not of the project';
      if (
        path.endsWith('package-lock.json') &&
        /"resolved": "(?!https:\/\/registry\.npmjs\.org\/)/.test(line)
      )
        return 'set omit-lockfile-registry-resolved, then write the lock file again';
      return null;
    }),
    bad: [
      { 'docs/a.md': `${scheme}mirror/pypi` },
      { 'docs/a.md': `${scheme}npm.corp.internal/x` },
      { 'docs/a.md': `${scheme}10.0.0.7:8081/x` },
      { '.npmrc': 'registry=https://example.org' },
      { 'package-lock.json': '"resolved": "https://example.org/a.tgz"' },
    ],
    good: [
      { 'docs/a.md': 'https://arxiv.org/abs/2411.04539 and http://localhost:8080 and http://127.0.0.1:80' },
      { 'package-lock.json': '"resolved": "https://registry.npmjs.org/a.tgz"' },
    ],
  },
];

/** A name without a dot, an address, or a domain that exists inside one network only. */
function isPrivate(host: string): boolean {
  if (['localhost', '127.0.0.1', '0.0.0.0'].includes(host)) return false;
  return !host.includes('.') || /^[\d.]+$/.test(host) || /\.(internal|local|lan|corp|intranet)$/.test(host);
}
