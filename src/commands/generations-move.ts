// restill generations promote, rollback, pin, unpin, audit: an operator puts a generation in service, goes
// back, keeps one, and sees who did. All of them work while a daemon runs on the same data directory.
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { requireIntact } from '../checkpoint/audit.fs.ts';
import type { AuditLine } from '../checkpoint/audit.ts';
import type { Motive } from '../checkpoint/desk.fs.ts';
import {
  type DataOptions,
  type OperatedGenerations,
  openOperatedGenerations,
  print,
  printJson,
  resolveName,
  withDataOptions,
} from './stored-generations.ts';
import { formatTable, shortTime } from './table.ts';

interface MoveOptions extends DataOptions {
  readonly reason: string;
  readonly by?: string;
}

export function addMoveCommands(generations: Command): void {
  const named = (command: Command): Command =>
    command.argument('<generation>', 'id such as g000001, or live, or latest');
  withMotive(
    named(generations.command('promote')).description('put a generation in service, whatever its gate said'),
  ).action((name: string, options: MoveOptions, command: Command) => promote(name, options, command));
  withMotive(
    generations.command('rollback').description('back to what served before; again: a step further back'),
  ).action((options: MoveOptions, command: Command) => rollback(options, command));
  withMotive(
    named(generations.command('pin')).description(
      'keep a generation on disk, and while it is live let the gate put no other in its place',
    ),
  ).action((name: string, options: MoveOptions, command: Command) => pin('pin', name, options, command));
  withMotive(named(generations.command('unpin')).description('let it go')).action(
    (name: string, options: MoveOptions, command: Command) => pin('unpin', name, options, command),
  );
  withDataOptions(
    generations
      .command('audit')
      .description('who moved the live pointer or pinned, when and why; exit code 4 when it was changed'),
  ).action((options: DataOptions, command: Command) => audit(options, command));
}

const withMotive = (command: Command): Command =>
  withDataOptions(command)
    .option('--reason <text>', 'why, for the audit', 'not given')
    .option('--by <name>', 'who, for the audit; the name of this user when not given');

const motiveOf = ({ by, reason }: MoveOptions): Motive => ({ by: by ?? userName(), reason });

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}`; // a container's user may have no name
  }
}

async function promote(name: string, options: MoveOptions, command: Command): Promise<void> {
  const operated = await openOperatedGenerations(options.data);
  const id = await resolveName(operated, name);
  const before = await operated.store.live();
  await operated.desk.promote(id, motiveOf(options));
  if (before !== id) return report(operated, options, command);
  if (options.json) printJson(command, { live: id, changed: false });
  else print(command, `${id} is live already; nothing was changed\n`);
}

async function rollback(options: MoveOptions, command: Command): Promise<void> {
  const operated = await openOperatedGenerations(options.data);
  await operated.desk.rollback(motiveOf(options));
  await report(operated, options, command);
}

/** What is live now, what was, and what its gate had said. */
async function report({ store, desk }: OperatedGenerations, options: DataOptions, command: Command) {
  const live = (await store.live())!;
  const entry = (await desk.audit()).entries.findLast(({ generation }) => generation === live)!;
  const { gate } = (await store.list()).find(({ id }) => id === live)!;
  const before = await desk.before();
  if (options.json) return printJson(command, { live, changed: true, gate, before, entry });
  print(command, `${live} is live, instead of ${entry.from ?? 'none'}; by ${entry.by}: ${entry.reason}\n`);
  print(command, `its gate had said: ${gate.decision} ${gate.reason}\n`);
  print(command, `a rollback would lead to ${before ?? 'nothing'}\n`);
}

async function pin(
  action: 'pin' | 'unpin',
  name: string,
  options: MoveOptions,
  command: Command,
): Promise<void> {
  const operated = await openOperatedGenerations(options.data);
  const id = await resolveName(operated, name);
  const changed = await operated.desk[action](id, motiveOf(options));
  if (options.json) return printJson(command, { generation: id, pinned: action === 'pin', changed });
  const state = action === 'pin' ? 'pinned' : 'not pinned';
  print(command, `${id} is ${state}${changed ? '' : ' already; nothing was changed'}\n`);
}

async function audit(options: DataOptions, command: Command): Promise<void> {
  const { desk, directory, store } = await openOperatedGenerations(options.data);
  const found = await desk.audit();
  const { entries, problems } = found;
  if (options.json) printJson(command, { live: await store.live(), entries, problems });
  else if (entries.length === 0) print(command, `no audit in ${directory}\n`);
  else print(command, formatTable(columns, entries.map(rowOf)));
  requireIntact(found, directory);
}

const columns = [
  { title: 'when (UTC)' },
  { title: 'who' },
  { title: 'what' },
  { title: 'generation' },
  { title: 'live before' },
  { title: 'why' },
];

const rowOf = ({ at, by, action, generation, from, reason, overtaken }: AuditLine): string[] => [
  shortTime(at),
  by,
  overtaken ? `${action} (overtaken)` : action,
  generation,
  from ?? '-',
  reason,
];
