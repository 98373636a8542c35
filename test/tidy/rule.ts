// What a rule is, and how it looks at a file.
import ts from 'typescript';

/** A text file of the repository, by its path relative to the root, with forward slashes. */
export interface SourceText {
  readonly path: string;
  readonly text: string;
}

export interface Problem {
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  /** What is wrong and what to do instead. */
  readonly says: string;
}

/** Files by path: a little tree to try a rule on. */
export type Example = Readonly<Record<string, string>>;

export interface Rule {
  readonly name: string;
  /** All problems in the tree. */
  check(tree: readonly SourceText[]): Problem[];
  /** Each of them must have a problem, or the rule checks nothing. */
  readonly bad: readonly Example[];
  /** None of them may have one. */
  readonly good: readonly Example[];
}

export const treeOf = (example: Example): SourceText[] =>
  Object.entries(example).map(([path, text]) => ({ path, text }));

export const isSource = (path: string): boolean => path.startsWith('src/') && path.endsWith('.ts');
export const isCode = (path: string): boolean => /^(src|test|bench|scripts)\/.*\.(ts|mjs)$/.test(path);

const parsed = new WeakMap<SourceText, ts.SourceFile>();

/** Parsed once per file, however many rules look at it. */
export function syntaxOf(file: SourceText): ts.SourceFile {
  const known = parsed.get(file);
  if (known) return known;
  const syntax = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true);
  parsed.set(file, syntax);
  return syntax;
}

/** Every node below and including `node`, parents first. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => void children.push(child));
  for (const child of children) yield* nodesOf(child);
}

export const lineOf = (file: SourceText, node: ts.Node): number =>
  syntaxOf(file).getLineAndCharacterOfPosition(node.getStart()).line + 1;

export const linesOf = (file: SourceText): string[] => file.text.split('\n');

/** A rule that looks at files one by one. */
export function perFile(
  applies: (path: string) => boolean,
  find: (file: SourceText) => Iterable<Problem>,
): Rule['check'] {
  return (tree) => tree.filter(({ path }) => applies(path)).flatMap((file) => [...find(file)]);
}

/** A rule that looks at lines one by one; null where a line is well. */
export function perLine(
  applies: (path: string) => boolean,
  find: (line: string, file: SourceText) => string | null,
): Rule['check'] {
  return perFile(applies, (file) =>
    linesOf(file).flatMap((text, index) => {
      const says = find(text, file);
      return says === null ? [] : [{ path: file.path, line: index + 1, says }];
    }),
  );
}
