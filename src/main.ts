// argv -> command. The only place that turns an error into an exit code.
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addCheckCommand } from './commands/check.ts';
import { addDatasetCommand } from './commands/dataset.ts';
import { addDeadLettersCommand } from './commands/dead-letters.ts';
import { addEvaluateCommand } from './commands/evaluate.ts';
import { addExportCommand } from './commands/export.ts';
import { addGenerationsCommand } from './commands/generations.ts';
import { addPullCommand } from './commands/pull.ts';
import { addRecordCommand } from './commands/record.ts';
import { addReplayCommand } from './commands/replay.ts';
import { addRunCommand } from './commands/run.ts';
import { addServeCommand } from './commands/serve.ts';
import { addSimulateCommand } from './commands/simulate.ts';
import { addVerifyCommand } from './commands/verify.ts';
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

const program = new Command('restill')
  .description("Keeps a search engine's small ranking model fresh, from its click stream.")
  .version(version())
  .showHelpAfterError('(add --help for what the command takes)')
  .addHelpText('after', exitCodes)
  .exitOverride();

addRunCommand(program);
addReplayCommand(program);
addRecordCommand(program);
addDeadLettersCommand(program);
addEvaluateCommand(program);
addExportCommand(program);
addVerifyCommand(program);
addGenerationsCommand(program);
addDatasetCommand(program);
addServeCommand(program);
addSimulateCommand(program);
addCheckCommand(program);
addPullCommand(program);
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
