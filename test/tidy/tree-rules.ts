// Rules about the tree as a whole: nothing is dead, nothing goes in circles, the README shows what there is.
import { posix } from 'node:path';
import { importsOf } from './import-rules.ts';
import { isSource, type Problem, type Rule, type SourceText } from './rule.ts';

/** Started by Node, not imported. */
const entries = [
  'src/main.ts',
  'src/trainer-process.ts',
  'src/scorer-process.ts',
  'src/streams/reading-thread.fs.ts',
  'src/commands/consuming-thread.ts',
];

/** Used by tests only, and why that is right. */
const references: Readonly<Record<string, string>> = {
  'src/tensor/eager-ops.tf.ts': 'what compiled steps are tested against',
};

function deadFiles(tree: readonly SourceText[]): Problem[] {
  const sources = new Map(tree.filter(({ path }) => isSource(path)).map((file) => [file.path, file]));
  // As long as there is nothing to start, nothing is used.
  const waiting = entries.filter((path) => sources.has(path));
  if (waiting.length === 0) return [];
  const reached = new Set(waiting);
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop())
    for (const { path: next } of importsOf(sources.get(path)!)) {
      if (next === null || reached.has(next) || !sources.has(next)) continue;
      reached.add(next);
      waiting.push(next);
    }
  const says = `nothing that starts from ${entries.join(' or ')} imports it: use it or delete it`;
  const dead = [...sources.keys()].filter((path) => !reached.has(path) && !(path in references));
  return dead.map((path) => ({ path, line: 1, says }));
}

/** Circles of imports that exist at run time; types may refer to each other. */
function circles(tree: readonly SourceText[]): Problem[] {
  const next = new Map<string, string[]>();
  for (const file of tree)
    if (isSource(file.path))
      next.set(
        file.path,
        importsOf(file).flatMap(({ path, typesOnly }) => (path === null || typesOnly ? [] : [path])),
      );
  const problems: Problem[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const from = trail.indexOf(path);
    if (from >= 0) {
      const circle = [...trail.slice(from), path].map((name) => posix.basename(name)).join(' -> ');
      problems.push({
        path,
        line: 1,
        says: `${circle}: move what both need into a file that imports neither`,
      });
    }
    if (from >= 0 || done.has(path)) return;
    for (const target of next.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of next.keys()) visit(path, []);
  return problems;
}

interface TreeLine {
  readonly path: string;
  readonly line: number;
  readonly note: string;
}

/**
 * Between the marks: two spaces a level, folders end in a slash, then two spaces and what it is. Null without
 * marks.
 */
function readmeTree(readme: SourceText): TreeLine[] | null {
  const match = /<!-- tree -->\n([\s\S]*?)<!-- \/?tree -->/.exec(readme.text);
  if (!match) return null;
  const first = readme.text.slice(0, match.index).split('\n').length + 1;
  const folders: string[] = [];
  return match[1]!.split('\n').flatMap((text, index) => {
    const parts = /^( *)(\S+)(?: {2,}(.*))?$/.exec(text);
    if (!parts || parts[2]!.startsWith('```')) return [];
    const depth = parts[1]!.length / 2;
    const path = folders.slice(0, depth).join('') + parts[2]!;
    folders[depth] = parts[2]!;
    return [{ path, line: first + index, note: parts[3] ?? '' }];
  });
}

function readmeProblems(tree: readonly SourceText[]): Problem[] {
  const readme = tree.find(({ path }) => path === 'README.md');
  const lines = readme && readmeTree(readme);
  if (!lines) return [];
  const paths = tree.map(({ path }) => path);
  const isThere = (path: string): boolean =>
    paths.some((p) => p === path || (path.endsWith('/') && p.startsWith(path)));
  const problems = lines.flatMap(({ path, line, note }) => {
    if (!isThere(path))
      return [{ path: 'README.md', line, says: `${path} does not exist: take the line out` }];
    return note === '' ? [{ path: 'README.md', line, says: `${path}: say in a few words what it is` }] : [];
  });
  const listed = new Set(lines.map(({ path }) => path));
  for (const path of paths.filter((p) => isSource(p) && !listed.has(p)))
    problems.push({ path: 'README.md', line: 1, says: `its tree lacks ${path}: add a line` });
  return problems;
}

const decisionHeadings = ['## Decision', '## Rationale', '## Consequence'];

function decisions(tree: readonly SourceText[]): Problem[] {
  const records = tree.filter(({ path }) => path.startsWith('docs/decisions/') && path.endsWith('.md'));
  const numbers = new Set<string>();
  return records.flatMap(({ path, text }) => {
    const number = /^(\d{4})-[a-z0-9-]+\.md$/.exec(posix.basename(path))?.[1];
    const says: string[] = [];
    if (number === undefined) says.push('name it NNNN-title-in-kebab-case.md');
    else if (numbers.has(number)) says.push(`${number} is taken: give it the next number`);
    numbers.add(number ?? '');
    if (!/^Status: \S/m.test(text)) says.push('say its status: a line "Status: accepted, 2026-11"');
    for (const heading of decisionHeadings)
      if (!text.includes(`\n${heading}`)) says.push(`it lacks "${heading}"`);
    return says.map((text_) => ({ path, line: 1, says: text_ }));
  });
}

const parts = decisionHeadings.map(
  (heading) => `
${heading}

Text.
`,
);
const decision = `# 1. A title

Status: accepted
${parts.join('')}`;
const readme = (...lines: string[]): string =>
  `# x\n\n<!-- tree -->\n\`\`\`\n${lines.join('\n')}\n\`\`\`\n<!-- /tree -->\n`;
const main = { 'src/main.ts': "import './a.ts';" };

export const treeRules: readonly Rule[] = [
  {
    name: 'no source file is dead',
    check: deadFiles,
    bad: [
      { ...main, 'src/a.ts': '', 'src/b.ts': '' },
      { ...main, 'src/a.ts': '', 'src/b.ts': "import './c.ts';", 'src/c.ts': "import './b.ts';" },
    ],
    good: [
      { ...main, 'src/a.ts': "export * from './streams/b.ts';", 'src/streams/b.ts': '' },
      { ...main, 'src/a.ts': "const b = await import('./b.ts');", 'src/b.ts': '' },
      { 'src/a.ts': '' },
    ],
  },
  {
    name: 'imports do not go in circles',
    check: circles,
    bad: [
      {
        'src/a.ts': "import { b } from './b.ts';",
        'src/b.ts': "import { c } from './c.ts';",
        'src/c.ts': "import './a.ts';",
      },
      { 'src/a.ts': "import './a.ts';" },
    ],
    good: [
      { 'src/a.ts': "import './b.ts'; import './c.ts';", 'src/b.ts': "import './c.ts';", 'src/c.ts': '' },
      { 'src/a.ts': "import './b.ts';", 'src/b.ts': "import type { A } from './a.ts';" },
    ],
  },
  {
    name: "the README's tree is what is on the disk",
    check: readmeProblems,
    bad: [
      { 'README.md': readme('src/       sources', '  a.ts     one'), 'src/a.ts': '', 'src/b.ts': '' },
      { 'README.md': readme('src/       sources', '  gone.ts  one') },
      { 'README.md': readme('src/       sources', '  a.ts'), 'src/a.ts': '' },
    ],
    good: [
      {
        'README.md': readme(
          'bin/       launcher',
          'src/       sources',
          '  b/       folder',
          '    c.ts   two',
          '  a.ts     one',
        ),
        'bin/restill': '',
        'src/a.ts': '',
        'src/b/c.ts': '',
      },
      { 'README.md': '# no tree yet', 'src/a.ts': '' },
    ],
  },
  {
    name: 'a decision record has a number, a status and its three parts',
    check: decisions,
    bad: [
      { 'docs/decisions/0001-a.md': decision, 'docs/decisions/0001-b.md': decision },
      { 'docs/decisions/1-a.md': decision },
      { 'docs/decisions/0001-a.md': decision.replace('Status', 'State') },
      { 'docs/decisions/0001-a.md': decision.replace('## Consequence', '## Else') },
    ],
    good: [{ 'docs/decisions/0001-a.md': decision, 'docs/decisions/0002-b.md': decision }],
  },
];
