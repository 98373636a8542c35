// The import table: which file may import what, by kind of file. Data first.
import { posix } from 'node:path';
import ts from 'typescript';
import {
  isSource,
  lineOf,
  nodesOf,
  type Problem,
  perFile,
  type Rule,
  type SourceText,
  syntaxOf,
} from './rule.ts';

/** What a file is. A stage is a folder of src/ other than commands/; the kit is src/tensor/. */
type Kind = 'main' | 'command' | 'process' | 'daemon' | 'shared' | 'pure' | Edge;
type Edge = (typeof edges)[number];

const edges = ['rx', 'kafka', 'lmdb', 'tf', 'fs', 'http', 'ort', 's3'] as const;

const isEdge = (kind: Kind): kind is Edge => (edges as readonly Kind[]).includes(kind);

/** What a file is to the one that imports it. */
type Target =
  | 'main'
  | 'command'
  | 'process'
  | 'daemon'
  /** A file directly in src/ that every stage may use. */
  | 'shared'
  /** src/clock.ts; importing its types only counts as shared. */
  | 'clock'
  | 'pure of its stage'
  /** The same suffix as its own. */
  | 'like of its stage'
  | 'pure of the kit'
  | 'tf of the kit'
  | 'a conductor'
  /** Any other file of a stage. */
  | 'another';

interface Row {
  readonly files: readonly Target[];
  /** Packages and node: modules beside those of pure files; `*` is all. */
  readonly libraries: readonly string[];
  readonly instead: string;
}

/** No I/O, no clock, no randomness of their own. */
const pureLibraries = [
  'node:assert',
  'node:buffer',
  'node:crypto',
  'node:path',
  'node:util',
  'node:zlib',
  '@bufbuild/protobuf',
  '@huggingface/tokenizers',
  'fzstd',
  'xxhash-wasm',
  'yaml',
  'zod',
];

const stages: readonly Target[] = [
  'pure of its stage',
  'pure of the kit',
  'tf of the kit',
  'a conductor',
  'another',
];
const edgeFiles: readonly Target[] = ['shared', 'pure of its stage', 'like of its stage', 'pure of the kit'];
const takeAPort =
  'put what both need into src/contract.ts, or take it as an argument from the command that composes them';

const edge = (...libraries: string[]): Row => ({ files: edgeFiles, libraries, instead: takeAPort });

const table: Readonly<Record<Kind, Row>> = {
  main: { files: ['command', 'shared'], libraries: ['*'], instead: 'main.ts only adds commands' },
  command: {
    files: ['command', 'daemon', 'shared', 'clock', ...stages],
    libraries: ['*'],
    instead: 'a command does not import the program',
  },
  process: {
    files: ['command', 'daemon', 'shared', 'clock', ...stages],
    libraries: ['*'],
    instead: 'a child process does not import the program',
  },
  daemon: { files: ['shared', 'clock', 'a conductor'], libraries: ['rxjs'], instead: takeAPort },
  shared: {
    files: ['shared'],
    libraries: [],
    instead: 'files of src/ serve all stages and know none; move it into the stage',
  },
  pure: {
    files: ['shared', 'pure of its stage', 'pure of the kit'],
    libraries: [],
    instead:
      'a file without a suffix is pure: take it as an argument, or move this into an edge with a suffix',
  },
  rx: { files: [...edgeFiles, 'clock'], libraries: ['rxjs'], instead: takeAPort },
  kafka: edge('kafkajs', 'lz4-napi', 'node:module', 'snappy'),
  lmdb: edge('lmdb', 'node:fs'),
  // TensorFlow loads a graph from a directory only, so a session writes one.
  tf: {
    files: [...edgeFiles, 'tf of the kit'],
    libraries: ['@tensorflow/tfjs-node-gpu', 'node:fs', 'node:module', 'node:os'],
    instead: takeAPort,
  },
  fs: edge(
    'node:fs',
    'node:os',
    'node:readline',
    'node:stream',
    'node:url',
    'node:v8',
    'node:worker_threads',
  ),
  http: edge('node:http', 'fastify', 'prom-client'),
  ort: edge('onnxruntime-node'),
  s3: edge('@aws-sdk/client-s3'),
};

interface Place {
  readonly kind: Kind;
  /** Null for files directly in src/ and for commands. */
  readonly stage: string | null;
}

function placeOf(path: string): Place {
  const [, folder, name] = /^src\/(?:(.+)\/)?([^/]+)\.ts$/.exec(path)!;
  const suffix = /\.(\w+)$/.exec(name!)?.[1] as Edge | undefined;
  if (folder === 'commands') return { kind: 'command', stage: null };
  if (folder !== undefined) return { kind: suffix ?? 'pure', stage: folder };
  const roots: Record<string, Kind> = {
    main: 'main',
    'trainer-process': 'process',
    'scorer-process': 'process',
    'daemon.rx': 'daemon',
  };
  return { kind: roots[name!] ?? suffix ?? 'shared', stage: null };
}

function targetOf(from: Place, path: string, typesOnly: boolean): Target {
  const to = placeOf(path);
  if (path === 'src/clock.ts') return typesOnly ? 'shared' : 'clock';
  if (to.stage === null && isEdge(to.kind)) return to.kind === 'rx' ? 'shared' : 'another';
  if (to.stage === null) return to.kind as Target;
  if (to.stage === from.stage && to.kind === 'pure') return 'pure of its stage';
  if (to.stage === from.stage && to.kind === from.kind) return 'like of its stage';
  if (to.stage === 'tensor' && to.kind === 'pure') return 'pure of the kit';
  if (to.stage === 'tensor' && to.kind === 'tf') return 'tf of the kit';
  return to.kind === 'rx' ? 'a conductor' : 'another';
}

export interface Import {
  readonly line: number;
  /** As written. */
  readonly specifier: string;
  /** A path from the root for files of ours, else null. */
  readonly path: string | null;
  readonly typesOnly: boolean;
}

/** Static, dynamic and required ones, re-exports, and types by `import('...')`. */
export function importsOf(file: SourceText): Import[] {
  return [...nodesOf(syntaxOf(file))].flatMap((node) => {
    const specifier = specifierOf(node);
    if (specifier === null) return [];
    const path = specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier) : null;
    return [{ line: lineOf(file, node), specifier, path, typesOnly: isTypesOnly(node) }];
  });
}

function specifierOf(node: ts.Node): string | null {
  if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier)
    return textOf(node.moduleSpecifier);
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return textOf(node.argument.literal);
  const isCall =
    ts.isCallExpression(node) &&
    (node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText() === 'require');
  return isCall && node.arguments[0] ? textOf(node.arguments[0]) : null;
}

const textOf = (node: ts.Node): string | null => (ts.isStringLiteralLike(node) ? node.text : null);

function isTypesOnly(node: ts.Node): boolean {
  if (ts.isImportTypeNode(node)) return true;
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  return ts.isImportDeclaration(node) && node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

/** `node:fs` for `node:fs/promises`, `@a/b` for `@a/b/c`. */
const libraryOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

function* forbidden(file: SourceText): Generator<Problem> {
  const from = placeOf(file.path);
  const row = table[from.kind];
  for (const { line, specifier, path, typesOnly } of importsOf(file)) {
    const isAllowed =
      path === null
        ? ['*', libraryOf(specifier)].some((name) => [...row.libraries, ...pureLibraries].includes(name))
        : isSource(path) && row.files.includes(targetOf(from, path, typesOnly));
    if (!isAllowed) yield { path: file.path, line, says: `must not import ${specifier}: ${row.instead}` };
  }
}

const importing = (path: string, ...specifiers: string[]) => ({
  [path]: specifiers.map((specifier) => `import { a } from '${specifier}';\n`).join(''),
});

export const importRules: readonly Rule[] = [
  {
    name: 'the import table holds',
    check: perFile(isSource, forbidden),
    bad: [
      importing('src/streams/join.ts', 'node:fs'),
      importing('src/streams/join.ts', 'rxjs'),
      importing('src/streams/join.ts', './journal.lmdb.ts'),
      importing('src/streams/join.ts', '../trainer/turn.ts'),
      importing('src/streams/join.ts', '../clock.ts'),
      importing('src/streams/join.ts', '../../test/support/groups.ts'),
      importing('src/streams/journal.lmdb.ts', './recorded-source.fs.ts'),
      importing('src/streams/journal.lmdb.ts', 'rxjs'),
      importing('src/streams/ingest.rx.ts', './journal.lmdb.ts'),
      importing('src/checkpoint/store.fs.ts', '../tensor/session.tf.ts'),
      importing('src/tensor/bert.ts', '../trainer/losses.ts'),
      importing('src/daemon.rx.ts', './streams/journal.lmdb.ts'),
      importing('src/main.ts', './streams/join.ts'),
      importing('src/contract.ts', './streams/join.ts'),
      importing('src/commands/run.ts', '../main.ts'),
      importing('src/daemon.rx.ts', './admin.http.ts'),
      importing('src/trainer/train.rx.ts', '../admin.http.ts'),
      { 'src/streams/join.ts': "const fs = require('node:fs');" },
      { 'src/streams/join.ts': "const fs = await import('node:fs');" },
      { 'src/streams/join.ts': "let a: import('../trainer/turn.ts').Turn;" },
      { 'src/streams/join.ts': "export { a } from '../trainer/turn.ts';" },
    ],
    good: [
      importing(
        'src/streams/join.ts',
        '../contract.ts',
        '../errors.ts',
        './watermark.ts',
        'zod',
        'node:crypto',
      ),
      { 'src/streams/join.ts': "import type { Clock } from '../clock.ts';" },
      importing('src/streams/ingest.rx.ts', 'rxjs', './join.ts', '../clock.ts', '../flow.rx.ts'),
      importing('src/streams/journal.lmdb.ts', 'lmdb', './journal-format.ts'),
      importing(
        'src/trainer/student.tf.ts',
        '../tensor/session.tf.ts',
        '../tensor/bert.ts',
        './teacher.tf.ts',
      ),
      importing('src/trainer/losses.ts', '../tensor/ops.ts'),
      importing('src/checkpoint/store.fs.ts', 'node:fs/promises', './files.fs.ts', './manifest.ts'),
      importing('src/daemon.rx.ts', 'rxjs', './streams/ingest.rx.ts', './contract.ts'),
      importing(
        'src/commands/run.ts',
        '../daemon.rx.ts',
        '../admin.http.ts',
        '../streams/journal.lmdb.ts',
        './report.ts',
        'commander',
      ),
      importing('src/trainer-process.ts', './trainer/train.rx.ts', './checkpoint/store.fs.ts', 'rxjs'),
      importing('src/main.ts', './commands/run.ts', './errors.ts', 'commander'),
    ],
  },
];
