// argv -> command. The only place that turns an error into an exit code.
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { RestillError } from './errors.ts';

const exitCodes = `
Exit codes:
  0    done
  1    a bug in restill; please report it
  2    the command line or the configuration is wrong
  3    input data cannot be used
  4    the data directory is damaged, foreign or cannot be written
  5    something on this machine is missing or failed (native TensorFlow, the trainer process)
  130  interrupted; everything durable, the same command goes on`;

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** By name, in the order of `--help`. Only what is asked for is loaded: a rollback must not take long. */
const commands: ReadonlyMap<string, () => Promise<(program: Command) => void>> = new Map([
  ['run', async () => (await import('./commands/run.ts')).addRunCommand],
  ['replay', async () => (await import('./commands/replay.ts')).addReplayCommand],
  ['record', async () => (await import('./commands/record.ts')).addRecordCommand],
  ['dead-letters', async () => (await import('./commands/dead-letters.ts')).addDeadLettersCommand],
  ['evaluate', async () => (await import('./commands/evaluate.ts')).addEvaluateCommand],
  ['export', async () => (await import('./commands/export.ts')).addExportCommand],
  ['verify', async () => (await import('./commands/verify.ts')).addVerifyCommand],
  ['generations', async () => (await import('./commands/generations.ts')).addGenerationsCommand],
  ['dataset', async () => (await import('./commands/dataset.ts')).addDatasetCommand],
  ['serve', async () => (await import('./commands/serve.ts')).addServeCommand],
  ['simulate', async () => (await import('./commands/simulate.ts')).addSimulateCommand],
  ['check', async () => (await import('./commands/check.ts')).addCheckCommand],
  ['pull', async () => (await import('./commands/pull.ts')).addPullCommand],
]);

const program = new Command('restill')
  .description("Keeps a search engine's small ranking model fresh, from its click stream.")
  .version(version())
  .showHelpAfterError('(add --help for what the command takes)')
  .addHelpText('after', exitCodes)
  .exitOverride();

const asked = commands.get(process.argv[2] ?? '');
for (const load of asked ? [asked] : commands.values()) (await load())(program);
for (const command of program.commands) command.exitOverride();

// A reader that has gone away (`| head`) ends the output, not the work.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof RestillError) {
    process.stderr.write(`restill: ${error.code}: ${error.message}\n`);
    return error.exitCode;
  }
  process.stderr.write(
    `restill: a bug, please report it: ${error instanceof Error ? error.stack : String(error)}\n`,
  );
  return 1;
}
