// restill export: a generation's student for serving, or its teacher.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Format, formats } from '../checkpoint/bundle.ts';
import { exportTeacher } from '../checkpoint/export.fs.ts';
import { generationNumber } from '../checkpoint/generation.ts';
import type { Exported } from '../checkpoint/new-directory.fs.ts';
import { isS3Address } from '../checkpoint/s3-address.ts';
import type { Generation } from '../contract.ts';
import { RestillError } from '../errors.ts';
import { exportToS3 } from './export-s3.ts';
import { exportStudent } from './export-student.ts';
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
  readonly to: Format;
  readonly int8?: true;
  readonly int8DropMax: number;
  readonly what: 'student' | 'teacher';
  readonly merged?: true;
  readonly out: string;
  readonly force?: true;
  readonly s3Endpoint?: string;
  readonly s3Region?: string;
  readonly json?: true;
}

export function addExportCommand(program: Command): void {
  program
    .command('export')
    .description("write a generation's student as a directory that model servers load")
    .argument('<generation>', 'id such as g000001, or live, or latest')
    .requiredOption('--data <dir>', 'the data directory of the run')
    .requiredOption('--out <place>', 'a new directory, complete when it appears; or s3://BUCKET/PREFIX')
    .addOption(new Option('--to <format>', 'what the server loads: see below').choices(formats).default('hf'))
    .addOption(
      new Option('--what <model>', 'which model of the generation')
        .choices(['student', 'teacher'])
        .default('student'),
    )
    .option('--merged', "a teacher's adapter merged into its model; else it is written as PEFT does")
    .option('--int8', 'weights in 8 bits (not for hf); the cost is measured, and refused when too high')
    .option('--int8-drop-max <ndcg>', 'nDCG@10 that 8 bits may cost', parseShare, 0.01)
    .option('--force', 'replace an earlier export at --out')
    .option('--s3-endpoint <url>', 'an object store of your own; else AWS_ENDPOINT_URL_S3, else S3', httpUrl)
    .option('--s3-region <name>', 'of the bucket; else AWS_REGION or what the profile says')
    .option('--json', 'print the files as a JSON object')
    .addHelpText('after', examples)
    .action((name: string, options: Options, command: Command) => run(name, options, command));
}

const examples = `
Formats:
  hf          a Hugging Face directory: transformers, sentence-transformers, Text Embeddings Inference, vLLM
  onnx        the same with onnx/model.onnx instead: onnxruntime, Text Embeddings Inference, transformers.js
  triton      DIR/config.pbtxt and DIR/<number of the generation>/
  tfserving   DIR/<number of the generation>/saved_model.pb
  opensearch  model.zip and the body that registers it
Each has golden.jsonl (texts, token ids, logits), SHA256SUMS and a model card; \`restill verify DIR\`
replays them.

Example:
  restill export live --data shop --out models/shop
  restill export live --data shop --out models/teacher --what teacher --merged
  python3 -c 'from sentence_transformers import CrossEncoder; CrossEncoder("models/shop")'

Check a copy with: cd models/shop && sha256sum -c SHA256SUMS

To an object store every format is written below the number of its generation, and SHA256SUMS comes last:
  restill export live --data shop --out s3://models/shop --s3-endpoint http://localhost:9000
  aws s3 sync s3://models/shop/7 models/shop && restill verify models/shop`;

async function run(name: string, options: Options, command: Command): Promise<void> {
  refuseMisfits(options);
  const stored = await openStoredGenerations(options.data);
  const generation = await openNamed(stored, name);
  const exported = await exportTo(stored, generation, options);
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

function refuseMisfits({ merged, what, to, int8, out, s3Endpoint, s3Region }: Options): void {
  if (!isS3Address(out) && (s3Endpoint ?? s3Region) !== undefined)
    throw new RestillError(
      'USAGE',
      `--s3-endpoint and --s3-region go with an object store: give --out s3://BUCKET/PREFIX, not ${out}`,
    );
  if (merged && what === 'student')
    throw new RestillError('USAGE', '--merged is about an adapter: give --what teacher too, or leave it out');
  if (what === 'teacher' && (to !== 'hf' || int8))
    throw new RestillError(
      'USAGE',
      'a teacher is exported as a Hugging Face directory: leave --to and --int8 out',
    );
  if (int8 && (to === 'hf' || to === 'tfserving'))
    throw new RestillError('USAGE', '--int8 is about an ONNX model: give --to onnx, triton or opensearch');
}

function httpUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, '');
  throw new InvalidArgumentError('expected an address such as http://localhost:9000');
}

function parseShare(text: string): number {
  const share = Number(text);
  if (text.trim() !== '' && share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError('expected a number from 0 to 1');
}

function exportTo(stored: StoredGenerations, generation: Generation, options: Options): Promise<Exported> {
  const { out, to: format, s3Endpoint: endpoint, s3Region: region, force = false } = options;
  if (!isS3Address(out)) return exportNamed(stored, generation, options);
  const version = generationNumber(generation.manifest.id);
  return exportToS3({ out, version, format, endpoint, region, force }, (directory) =>
    exportNamed(stored, generation, { ...options, out: directory }),
  );
}

async function exportNamed(
  { store }: StoredGenerations,
  generation: Generation,
  { out, what, merged, to, int8, int8DropMax, ...options }: Options,
): Promise<Exported> {
  const force = options.force ?? false;
  if (what === 'student')
    return exportStudent(store, generation, {
      out,
      force,
      format: to,
      int8DropMax: int8 ? int8DropMax : null,
    });
  const weights = merged ? await mergedTeacher(store, generation) : null;
  return exportTeacher(generation, out, { force, merged: weights });
}
