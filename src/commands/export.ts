// restill export: a generation's student for serving, or its teacher.
import { type Command, Option } from 'commander';
import { exportHuggingFace, exportTeacher } from '../checkpoint/export.fs.ts';
import type { Exported } from '../checkpoint/new-directory.fs.ts';
import type { Generation } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { mergedTeacher } from './merged-teacher.ts';
import {
  openNamed,
  openStoredGenerations,
  print,
  printJson,
  type StoredGenerations,
} from './stored-generations.ts';
import { formatTable, shortSize } from './table.ts';

interface Options {
  readonly data: string;
  readonly to: 'hf';
  readonly what: 'student' | 'teacher';
  readonly merged?: true;
  readonly out: string;
  readonly force?: true;
  readonly json?: true;
}

export function addExportCommand(program: Command): void {
  program
    .command('export')
    .description("write a generation's student as a directory that model servers load")
    .argument('<generation>', 'id such as g000001, or live, or latest')
    .requiredOption('--data <dir>', 'the data directory of the run')
    .requiredOption('--out <dir>', 'a new directory; it appears when it is complete')
    .addOption(new Option('--to <format>', 'hf: a Hugging Face directory').choices(['hf']).default('hf'))
    .addOption(
      new Option('--what <model>', 'which model of the generation')
        .choices(['student', 'teacher'])
        .default('student'),
    )
    .option('--merged', "a teacher's adapter merged into its model; else it is written as PEFT does")
    .option('--force', 'replace an earlier export at --out')
    .option('--json', 'print the files as a JSON object')
    .addHelpText('after', examples)
    .action((name: string, options: Options, command: Command) => run(name, options, command));
}

const examples = `
Example:
  restill export live --data shop --out models/shop
  restill export live --data shop --out models/teacher --what teacher --merged
  python3 -c 'from sentence_transformers import CrossEncoder; CrossEncoder("models/shop")'

Check a copy with: cd models/shop && sha256sum -c SHA256SUMS`;

async function run(name: string, options: Options, command: Command): Promise<void> {
  if (options.merged && options.what === 'student')
    throw new RestillError('USAGE', '--merged is about an adapter: give --what teacher too, or leave it out');
  const stored = await openStoredGenerations(options.data);
  const generation = await openNamed(stored, name);
  const exported = await exportNamed(stored, generation, options);
  const { id } = generation.manifest;
  if (options.json) return printJson(command, { generation: id, ...exported });
  const columns = [{ title: 'file' }, { title: 'size', right: true }];
  print(
    command,
    formatTable(
      columns,
      exported.files.map((file) => [file.path, shortSize(file.bytes)]),
    ),
  );
  print(command, `generation ${id} written to ${exported.directory}\n`);
}

async function exportNamed(
  { store }: StoredGenerations,
  generation: Generation,
  { out, what, merged, ...options }: Options,
): Promise<Exported> {
  const force = options.force ?? false;
  if (what === 'student') return exportHuggingFace(generation, out, { force });
  const weights = merged ? await mergedTeacher(store, generation) : null;
  return exportTeacher(generation, out, { force, merged: weights });
}
