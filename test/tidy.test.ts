// Keeps the style guide and the import table by reading the tree. The rules are data in test/tidy/; each
// carries examples that it must refuse and examples that it must let pass, so a rule that checks nothing
// fails here too.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { codeRules } from './tidy/code-rules.ts';
import { importRules } from './tidy/import-rules.ts';
import { type Problem, type Rule, type SourceText, treeOf } from './tidy/rule.ts';
import { textRules } from './tidy/text-rules.ts';
import { treeRules } from './tidy/tree-rules.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folders = ['.ci', 'bench', 'bin', 'config', 'docs', 'patches', 'scripts', 'src', 'test'];
/** Byte for byte what a format or a tool made; not written by hand. */
const made = /^(test\/golden|test\/data|docs\/results|config\/schema\.json)/;
const textFile = /\.(ts|mjs|js|json|md|yaml|yml|patch|sh)$|^(bin|\.ci)\/|^\.npmrc$/;

function readTree(): SourceText[] {
  const inFolders = folders.filter((folder) => existsSync(`${root}${folder}`)).flatMap(filesBelow);
  const atTop = readdirSync(root, { withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [entry.name] : [],
  );
  return [...atTop, ...inFolders]
    .filter((path) => textFile.test(path) && !made.test(path))
    .map((path) => ({ path, text: readFileSync(`${root}${path}`, 'utf8') }));
}

function filesBelow(folder: string): string[] {
  return readdirSync(`${root}${folder}`, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

const show = ({ path, line, says }: Problem): string => `${path}:${line} ${says}`;
const tree = readTree();
const rules: readonly Rule[] = [...textRules, ...codeRules, ...importRules, ...treeRules];

it('finds the tree', () => {
  const paths = tree.map(({ path }) => path);
  for (const path of ['package.json', 'src/contract.ts', 'test/tidy.test.ts', 'bin/restill'])
    expect(paths).toContain(path);
});

describe.each(rules.map((rule) => [rule.name, rule] as const))('%s', (_, rule) => {
  it('in this tree', () => {
    expect(rule.check(tree).map(show)).toEqual([]);
  });

  it.each(rule.bad.map((example) => [example]))('refuses example %#', (example) => {
    expect(rule.check(treeOf(example))).not.toEqual([]);
  });

  it.each(rule.good.map((example) => [example]))('lets example %# pass', (example) => {
    expect(rule.check(treeOf(example)).map(show)).toEqual([]);
  });
});
