// Runs a command as main does, in this process, and keeps what it prints.
import { Command } from 'commander';

export interface Outcome {
  readonly out: string;
  /** What it threw, null when it succeeded. */
  readonly error: unknown;
}

export async function runCommand(add: (program: Command) => void, ...argv: string[]): Promise<Outcome> {
  let out = '';
  const program = new Command('restill').exitOverride().configureOutput({
    writeOut: (text) => {
      out += text;
    },
    writeErr: () => {},
  });
  add(program);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return { out, error: null };
  } catch (error) {
    return { out, error };
  }
}
