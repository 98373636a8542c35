// Rules about code: sizes of functions, what must not be called, what must not be exported.
import ts from 'typescript';
import {
  isCode,
  isSource,
  lineOf,
  linesOf,
  nodesOf,
  type Problem,
  perFile,
  type Rule,
  type SourceText,
  syntaxOf,
} from './rule.ts';

const functionLinesMax = 70;

interface Banned {
  /** `Date.now`, `setTimeout`; `console.*` is any property; `new Date()` is without arguments. */
  readonly name: string;
  readonly instead: string;
  /** Paths, or folders with a slash at the end, where it may stand, and why. */
  readonly except?: Readonly<Record<string, string>>;
}

const theClock = { 'src/clock.ts': 'is the clock' };

/** In src/. Time, randomness and the console are arguments. */
const banned: readonly Banned[] = [
  { name: 'Date.now', instead: 'take a Clock (src/clock.ts) as an argument', except: theClock },
  { name: 'performance.now', instead: 'take a Clock (src/clock.ts) as an argument', except: theClock },
  { name: 'new Date()', instead: 'take a Clock (src/clock.ts) as an argument: new Date(clock.now())' },
  { name: 'Math.random', instead: 'use randomFor(seed, purpose) of src/random.ts' },
  {
    name: 'randomUUID',
    instead: 'use randomFor(seed, purpose) of src/random.ts',
    except: { 'src/checkpoint/file-tree.fs.ts': 'names that no other process has' },
  },
  { name: 'randomBytes', instead: 'use randomFor(seed, purpose) of src/random.ts' },
  ...['setTimeout', 'setInterval', 'setImmediate'].map((name) => ({
    name,
    instead: 'add what you need to src/clock.ts, or name the edge and its reason in test/tidy/code-rules.ts',
    except: {
      ...theClock,
      'src/commands/lingering.ts': 'a timer that keeps no process alive',
      'src/streams/kafka-mends.kafka.ts': 'a timer in place of one of kafkajs, which clears it',
    },
  })),
  {
    name: 'console.*',
    instead: 'return it to the command, or log an event of src/telemetry.ts',
    except: { 'src/commands/': 'talks to people' },
  },
  {
    name: 'process.exit',
    instead: 'throw a RestillError: main.ts turns it into an exit code',
    except: {
      'src/main.ts': 'is the process',
      'src/trainer-process.ts': 'is the process',
      'src/scorer-process.ts': 'is the process',
      'src/commands/run.ts': 'the same',
      'src/commands/serve.ts': 'the same',
      'src/commands/lingering.ts': 'whatever is left open, the command is done',
      'src/commands/replay.ts': 'leaves at once at the second Ctrl-C, without waiting for anything',
    },
  },
];

const isExcepted = (path: string, { except = {} }: Banned): boolean =>
  Object.keys(except).some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place));

function* bannedIn(file: SourceText): Generator<Problem> {
  const here = banned.filter((rule) => !isExcepted(file.path, rule));
  for (const node of nodesOf(syntaxOf(file))) {
    const name = nameOf(node);
    const rule = name && here.find((candidate) => candidate.name === name);
    if (rule) yield { path: file.path, line: lineOf(file, node), says: `${rule.name}: ${rule.instead}` };
  }
}

/** As the table of what is banned would write it, null for other nodes. */
function nameOf(node: ts.Node): string | null {
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length)
    return 'new Date()';
  if (ts.isPropertyAccessExpression(node)) {
    const text = node.getText().replace(/^globalThis\./, '');
    return text.startsWith('console.') ? 'console.*' : text;
  }
  if (!ts.isIdentifier(node)) return null;
  const isMember = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node;
  const isKey = ts.isPropertyAssignment(node.parent) && node.parent.name === node;
  return isMember || isKey ? null : node.text;
}

/** Lines of a function without those of the functions inside it, which are counted on their own. */
function ownLines(file: SourceText, outer: ts.Node): number {
  let lines = span(file, outer);
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) lines -= span(file, node) - 1;
    else ts.forEachChild(node, visit);
  };
  ts.forEachChild(outer, visit);
  return lines;
}

function span(file: SourceText, node: ts.Node): number {
  const { line } = syntaxOf(file).getLineAndCharacterOfPosition(node.getEnd());
  return line + 2 - lineOf(file, node);
}

function* longFunctions(file: SourceText): Generator<Problem> {
  for (const node of nodesOf(syntaxOf(file))) {
    if (!ts.isFunctionLike(node)) continue;
    const lines = ownLines(file, node);
    const says = `${lines} lines, at most ${functionLinesMax}: name a step of it and move it out`;
    if (lines > functionLinesMax) yield { path: file.path, line: lineOf(file, node), says };
  }
}

function* defaultExports(file: SourceText): Generator<Problem> {
  for (const node of syntaxOf(file).statements) {
    const isDefault =
      ts.isExportAssignment(node) ||
      (ts.canHaveModifiers(node) &&
        ts.getModifiers(node)?.some((m) => m.kind === ts.SyntaxKind.DefaultKeyword));
    if (isDefault) yield { path: file.path, line: lineOf(file, node), says: 'export it by name' };
  }
}

function* anys(file: SourceText): Generator<Problem> {
  for (const node of nodesOf(syntaxOf(file))) {
    if (node.kind !== ts.SyntaxKind.AnyKeyword) continue;
    const line = lineOf(file, node);
    const isExplained = /biome-ignore lint\/suspicious\/noExplicitAny: \S/.test(
      linesOf(file)[line - 2] ?? '',
    );
    if (!isExplained)
      yield { path: file.path, line, says: 'any: use unknown and narrow it, or name the type' };
  }
}

const body = (lines: number): string => '  x();\n'.repeat(lines - 2);

export const codeRules: readonly Rule[] = [
  {
    name: 'time, randomness and the console are arguments',
    check: perFile(isSource, bannedIn),
    bad: [
      'const t = Date.now();',
      'const clock = { now: Date.now };',
      'const t = new Date();',
      'const t = new Date;',
      'const x = Math.random();',
      'setTimeout(() => {}, 1);',
      'globalThis.setInterval(f, 1);',
      'await new Promise(setImmediate);',
      'console.error("x");',
      'process.exit(1);',
      "import { randomUUID } from 'node:crypto';",
    ].map((text) => ({ 'src/streams/a.ts': text })),
    good: [
      {
        'src/streams/a.ts':
          'const t = new Date(clock.now()); const f = { setTimeout: 1 }; timers.setTimeout(f);',
      },
      { 'src/clock.ts': 'export const now = () => Date.now(); setTimeout(f, 1);' },
      { 'src/commands/a.ts': 'console.log("x")' },
      { 'src/main.ts': 'process.exit(1)' },
      { 'test/a.ts': 'Date.now()' },
    ],
  },
  {
    name: `a function has at most ${functionLinesMax} lines of its own`,
    check: perFile(isCode, longFunctions),
    bad: [
      { 'src/a.ts': `function f() {\n${body(functionLinesMax + 1)}}` },
      { 'test/a.ts': `const f = () => {\n${body(functionLinesMax + 1)}};` },
      { 'src/a.ts': `class A {\n  m() {\n${body(functionLinesMax + 1)}}\n}` },
    ],
    good: [
      { 'src/a.ts': `function f() {\n${body(functionLinesMax)}}` },
      { 'test/a.ts': `describe('x', () => {\n${`it('y', () => {\n${body(40)}});\n`.repeat(3)}});` },
    ],
  },
  {
    name: 'exports are named',
    check: perFile(isCode, defaultExports),
    bad: [{ 'src/a.ts': 'export default 1;' }, { 'test/a.ts': 'export default function f() {}' }],
    good: [{ 'src/a.ts': 'export const a = 1; export { b as c } from "./b.ts";' }],
  },
  {
    name: 'nothing is any',
    check: perFile(isCode, anys),
    bad: [{ 'src/a.ts': 'let a: any;' }, { 'test/a.ts': 'f(x as any[]);' }],
    good: [
      { 'src/a.ts': 'let any: unknown; // any' },
      { 'src/a.ts': '// biome-ignore lint/suspicious/noExplicitAny: the library says so\nlet a: any;' },
    ],
  },
];
