// What journal-child.ts does, batch by batch, as functions of the batch's number; and how to start it.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../src/config.ts';
import type { DeadLetter } from '../../src/contract.ts';
import type { StateEntry } from '../../src/streams/state.ts';
import { entry } from './batches.ts';
import { journalConfig, recordOf } from './records.ts';

/** Retiring takes several transactions: it moves more groups than fit into one. */
export const workConfig = (): Config => journalConfig({ ring_max: 6_000, recent_max: 100, memory_max: 900 });

export const groupCountOf = (batch: number): number => 5 + ((batch * 7) % 20);
export const writesAhead = (batch: number): boolean => batch % 4 === 3;

/** Number of the first group of a batch. */
export function sequenceOf(batch: number): number {
  let sequence = 0;
  for (let before = 0; before < batch; before++) sequence += groupCountOf(before);
  return sequence;
}

/** Every sixtieth batch, up to the batch before; between them nothing moves. */
export const retireTo = (batch: number): number => sequenceOf(Math.max(0, batch - (batch % 60) - 1));

export const changesOf = (batch: number): StateEntry[] => [
  entry('sessions', batch % 11, `batch ${batch}`),
  entry('queries', batch % 5, batch % 3 === 0 ? null : `batch ${batch}`),
];

/** What `changesOf` of the batches before has left. */
export function stateAt(batch: number): Map<string, string> {
  const state = new Map<string, string>();
  for (let before = 0; before < batch; before++)
    for (const { table, slot, value } of changesOf(before))
      if (value === null) state.delete(`${table}/${slot}`);
      else state.set(`${table}/${slot}`, Buffer.from(value).toString());
  return state;
}

export const letterOf = (batch: number): DeadLetter | null =>
  batch % 3 === 0
    ? { record: recordOf(0, batch, batch), reason: 'malformed', detail: `letter ${batch}` }
    : null;

export function startChild(mode: 'work' | 'fill' | 'read', directory: string): ChildProcess {
  const program = fileURLToPath(new URL('./journal-child.ts', import.meta.url));
  return fork(program, [mode, directory], { execArgv: ['--import', import.meta.resolve('tsx')] });
}

/** The next messages of a child; fewer if it leaves before. */
export function messages(child: ChildProcess, count: number): Promise<unknown[]> {
  return new Promise((resolve) => {
    const heard: unknown[] = [];
    const settle = (): void => {
      child.off('message', hear);
      resolve(heard);
    };
    const hear = (message: unknown): void => {
      if (heard.push(message) === count) settle();
    };
    child.on('message', hear);
    child.once('exit', settle);
  });
}

/** Kills it as `kill -9` does, and waits until it is gone. */
export function killed(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
