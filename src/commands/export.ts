// restill export: a generation's student for serving.
import { type Command, Option } from 'commander';
import { exportHuggingFace } from '../checkpoint/export.fs.ts';
import { openNamed, openStoredGenerations, print, printJson } from './stored-generations.ts';
import { formatTable, shortSize } from './table.ts';

interface Options {
  readonly data: string;
  readonly to: 'hf';
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
    .option('--force', 'replace an earlier export at --out')
    .option('--json', 'print the files as a JSON object')
    .addHelpText('after', examples)
    .action((name: string, options: Options, command: Command) => run(name, options, command));
}

const examples = `
Example:
  restill export live --data shop --out models/shop
  python3 -c 'from sentence_transformers import CrossEncoder; CrossEncoder("models/shop")'

Check a copy with: cd models/shop && sha256sum -c SHA256SUMS`;

async function run(name: string, options: Options, command: Command): Promise<void> {
  const generation = await openNamed(await openStoredGenerations(options.data), name);
  const exported = await exportHuggingFace(generation, options.out, { force: options.force ?? false });
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
