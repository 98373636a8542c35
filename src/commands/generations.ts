// restill generations: what a data directory holds. The commands here change nothing; those that move the
// live pointer are in generations-move.ts, the comparison of two in generations-diff.ts.
import type { Command } from 'commander';
import { qualityMetric } from '../checkpoint/gate.ts';
import { generationsIn } from '../checkpoint/generation.ts';
import type { GenerationId, Manifest, StartDigests } from '../contract.ts';
import { type ErrorCode, RestillError } from '../errors.ts';
import { addDiffCommand } from './generations-diff.ts';
import { addMoveCommands } from './generations-move.ts';
import {
  type DataOptions,
  openNamed,
  openStoredGenerations,
  print,
  printJson,
  resolveName,
  type StoredGenerations,
  withDataOptions,
} from './stored-generations.ts';
import { formatTable, shortSize, shortTime } from './table.ts';

interface VerifyOptions extends DataOptions {
  readonly all?: true;
}

export function addGenerationsCommand(program: Command): void {
  const generations = program
    .command('generations')
    .description('list, show, verify and compare the generations of a data directory; put one in service')
    .addHelpText('after', examples);
  withDataOptions(generations.command('list').description('one line per generation, oldest first')).action(
    (options: DataOptions, command: Command) => list(options, command),
  );
  withDataOptions(
    generations
      .command('show')
      .description('where a generation comes from, what its gate said, and its files')
      .argument('<generation>', 'id such as g000001, or live, or latest'),
  ).action((name: string, options: DataOptions, command: Command) => show(name, options, command));
  withDataOptions(
    generations
      .command('verify')
      .description('check the files, sizes and SHA-256 of a generation; exit code 4 when any is damaged')
      .argument('[generation]', 'id such as g000001, or live, or latest (the default)')
      .option('--all', 'check all of them'),
  ).action((name: string | undefined, options: VerifyOptions, command: Command) =>
    verify(name, options, command),
  );
  addMoveCommands(generations);
  addDiffCommand(generations);
}

const examples = `
Examples:
  restill generations list --data shop
  restill generations show live --data shop
  restill generations verify --all --data shop --json
  restill generations diff live latest --data shop
  restill generations promote g000007 --reason "judged by hand" --data shop
  restill generations rollback --reason "shoes rank low" --data shop`;

async function list(options: DataOptions, command: Command): Promise<void> {
  const stored = await openStoredGenerations(options.data);
  const manifests = await stored.store.list();
  const live = await stored.store.live();
  const unusable = stored.unusable.map(({ id, error }) => ({ id, ...problemOf(error) }));
  if (options.json) return printJson(command, { live, generations: manifests, unusable });
  if (manifests.length === 0) print(command, `no generations in ${stored.directory}\n`);
  else
    print(
      command,
      formatTable(
        columns,
        manifests.map((manifest) => rowOf(manifest, live)),
      ),
    );
  for (const { id, message } of unusable) print(command, `${id} cannot be used: ${message}\n`);
}

const columns = [
  { title: 'generation' },
  { title: 'made (UTC)' },
  { title: 'groups', right: true },
  { title: 'nDCG@10', right: true },
  { title: 'size', right: true },
  { title: 'gate' },
];

function rowOf(manifest: Manifest, live: GenerationId | null): string[] {
  const quality = manifest.metrics[qualityMetric];
  return [
    manifest.id === live ? `${manifest.id} live` : manifest.id,
    shortTime(manifest.createdAt),
    String(manifest.cursor),
    quality === undefined ? '-' : quality.toFixed(3),
    shortSize(bytesOf(manifest)),
    `${manifest.gate.decision} ${manifest.gate.reason}`,
  ];
}

async function show(name: string, options: DataOptions, command: Command): Promise<void> {
  const stored = await openStoredGenerations(options.data);
  const { manifest } = await openNamed(stored, name);
  if (options.json) return printJson(command, manifest);
  const { lineage, gate } = manifest;
  const facts: [string, string][] = [
    ['generation', manifest.id === (await stored.store.live()) ? `${manifest.id} (live)` : manifest.id],
    ['parent', manifest.parent ?? 'none'],
    ['made', `${manifest.createdAt}${manifest.scheduled ? '' : ', on request'}`],
    ['groups learnt', String(manifest.cursor)],
    ['topic', lineage.topic],
    ...entriesOf(lineage.offsets).map(([partition, offset]): [string, string] => [
      `  ${partition}`,
      `next ${offset}`,
    ]),
    ['teacher version', String(lineage.teacherVersion)],
    ['replay share', String(lineage.replayShare)],
    ['gate', `${gate.decision} ${gate.reason}`],
    ...entriesOf(gate.figures).map(figure),
    ['metrics', ''],
    ...entriesOf(manifest.metrics).map(figure),
    ['config', manifest.configDigest],
    ['began with', manifest.starts === null ? 'not recorded' : beganWith(manifest.starts)],
    ['student', `sha256 ${manifest.weightsSha256.student}`],
    ['teacher', `sha256 ${manifest.weightsSha256.teacher}`],
    ['files', `${manifest.files.length}, ${shortSize(bytesOf(manifest))}`],
    ...manifest.files.map((file): [string, string] => [`  ${file.path}`, shortSize(file.bytes)]),
  ];
  const width = Math.max(...facts.map(([label]) => label.length));
  for (const [label, value] of facts) print(command, `${`${label.padEnd(width)}  ${value}`.trimEnd()}\n`);
}

const beganWith = ({ student, teacher }: StartDigests): string =>
  `student ${student ?? 'of random weights'}, teacher ${teacher ?? 'of random weights'}`;

const entriesOf = (record: Readonly<Record<string, number>>): [string, number][] =>
  Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));

const figure = ([name, value]: [string, number]): [string, string] => [
  `  ${name}`,
  String(Math.round(value * 1e4) / 1e4),
];

const bytesOf = (manifest: Manifest): number => manifest.files.reduce((sum, file) => sum + file.bytes, 0);

interface Checked {
  readonly id: GenerationId;
  /** Null when it is whole. */
  readonly problem: Problem | null;
}

async function verify(name: string | undefined, options: VerifyOptions, command: Command): Promise<void> {
  if (options.all && name !== undefined)
    throw new RestillError('USAGE', `give either the generation ${name} or --all, not both`);
  const stored = await openStoredGenerations(options.data);
  const checked = options.all
    ? await checkAll(stored)
    : await checkOne(stored, await resolveName(stored, name ?? 'latest'));
  if (options.json) printJson(command, { generations: checked });
  else for (const { id, problem } of checked) print(command, `${id}  ${problem?.code ?? 'ok'}\n`);
  const problems = checked.flatMap(({ problem }) => problem?.message ?? []);
  if (problems.length === 0) return;
  throw new RestillError(
    'GENERATION_DAMAGED',
    `${problems.length} of ${checked.length} generations cannot be used:\n  ${problems.join('\n  ')}`,
  );
}

async function checkAll(stored: StoredGenerations): Promise<Checked[]> {
  const manifests = await stored.store.list();
  const ids = generationsIn([...manifests, ...stored.unusable].map(({ id }) => id));
  const checked: Checked[] = [];
  for (const id of ids) checked.push(...(await checkOne(stored, id).catch(noneIfRemoved)));
  return checked;
}

/** What retention has taken away since it was listed is neither whole nor damaged. */
function noneIfRemoved(error: unknown): Checked[] {
  if (error instanceof RestillError && error.code === 'GENERATION_UNKNOWN') return [];
  throw error;
}

async function checkOne({ store }: StoredGenerations, id: GenerationId): Promise<Checked[]> {
  try {
    await store.open(id);
    return [{ id, problem: null }];
  } catch (error) {
    if (!(error instanceof RestillError) || !unusableCodes.includes(error.code)) throw error;
    return [{ id, problem: problemOf(error) }];
  }
}

const unusableCodes: readonly ErrorCode[] = ['GENERATION_DAMAGED', 'GENERATION_FOREIGN'];

interface Problem {
  readonly code: ErrorCode;
  /** Names the file and what to do. */
  readonly message: string;
}

const problemOf = ({ code, message }: RestillError): Problem => ({ code, message });
