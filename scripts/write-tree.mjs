// npm run tree: writes the tree into README.md, one line per source file, from the first words of each file's
// own header. The tidy test compares names with the disk.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folders = {
  'src/streams/': 'records in, durable groups out',
  'src/trainer/': 'groups in, better models out',
  'src/hub/': 'models from a Hugging Face hub and its cache',
  'src/tensor/': 'the numeric kit; no word of clicks or ranking',
  'src/checkpoint/': 'snapshots in, generations and exports out',
  'src/serving/': 'the live generation behind an HTTP door, swapped while it answers',
  'src/console/': 'the page of run and serve, and its API',
  'src/console/page/': 'what the browser loads, as it is',
  'src/simulate/': 'a synthetic shop and its click topic',
  'src/commands/': 'one composition root per command',
};

/** The first sentence of a file's header, or of its first doc comment, cut to the width of the tree. */
function note(path) {
  const text = readFileSync(join(root, path), 'utf8');
  const header = /^(?:\/\/.*\n)+/.exec(text)?.[0].replace(/^\/\/ ?/gm, '') ?? '';
  const doc = /\/\*\*\s*([\s\S]*?)\*\//.exec(text)?.[1].replace(/^\s*\* ?/gm, '') ?? '';
  const sentence = /^[\s\S]*?(?=[.;](?:\s|$)|\n\n|$)/.exec((header || doc).trim())[0].replace(/\s+/g, ' ');
  return sentence.length <= 78 ? sentence : `${sentence.slice(0, 75).replace(/[ ,]+\S*$/, '')} ...`;
}

function lines(directory, depth) {
  const entries = readdirSync(join(root, directory), { withFileTypes: true });
  const pad = '  '.repeat(depth);
  const files = entries
    .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
    .map(({ name }) => `${pad}${name.padEnd(28 - 2 * depth)}  ${note(`${directory}${name}`)}`.trimEnd());
  const inside = entries
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => {
      const path = `${directory}${name}/`;
      return [
        `${pad}${`${name}/`.padEnd(28 - 2 * depth)}  ${folders[path] ?? ''}`,
        ...lines(path, depth + 1),
      ];
    });
  return [...files.sort(), ...inside];
}

const tree = [
  '```',
  'src/                          argv to commands; contract, config, errors',
  ...lines('src/', 1),
  '```',
].join('\n');
const file = join(root, 'README.md');
const readme = readFileSync(file, 'utf8');
writeFileSync(file, readme.replace(/(<!-- tree -->\n)[\s\S]*?(<!-- \/tree -->)/, `$1${tree}\n$2`));
