// Every event of the daemon that an operator would ask about is one line of the catalogue; transactions and
// steps are not. No field hides one that the log itself sets.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openLog } from '../../src/commands/log.ts';
import { errorFields, logDaemon } from '../../src/commands/log-daemon.ts';
import type { Manifest } from '../../src/contract.ts';
import type { DaemonEvent, IngestProgress } from '../../src/daemon.rx.ts';
import { RestillError } from '../../src/errors.ts';
import type { TrainerNews } from '../../src/protocol.ts';
import { noCounts } from '../../src/streams/counts.ts';
import { temporaryDirectory } from '../support/directory.ts';

function logged(...events: DaemonEvent[]): string[] {
  const file = join(temporaryDirectory(), 'restill.log');
  const log = openLog(file);
  for (const event of events) logDaemon(event, log);
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}

const said = (message: TrainerNews): DaemonEvent => ({ kind: 'trainer', message });
const ingested = (ended: boolean): DaemonEvent => {
  const status = { low: 0, high: 9, ended, contentHash: '', offsets: {} };
  return { kind: 'ingest', progress: { status, counts: noCounts() } as IngestProgress };
};
const step: TrainerNews = { kind: 'progress', turn: 'SCORE', cursor: 0, done: 1, of: 2 };

const gate = { decision: 'REJECT', reason: 'forgot', figures: { 'anchor.ndcg10High': -0.01 } };

it('logs what happened once, and nothing that happens all the time', () => {
  const lines = logged(
    { kind: 'state', state: 'TRAINING' },
    said({ kind: 'ready', cursor: 5, retireTo: 0, generation: null, pid: 77 }),
    said(step),
    ingested(false),
    said({ kind: 'turn', report: { kind: 'SCORE', cycle: 1, cursor: 5, steps: 2, seconds: 1, figures: {} } }),
    said({
      kind: 'generation',
      manifest: { id: 'g000001', gate: { decision: 'HOLD' } } as unknown as Manifest,
    }),
    said({
      kind: 'generation',
      manifest: { id: 'g000002', scheduled: true, cursor: 9, gate } as unknown as Manifest,
    }),
    said({ kind: 'damaged', generation: 'g000001' as never, message: 'checksum' }),
    said({ kind: 'died', code: 'TRAINER_DIED', message: 'killed', deaths: 1, restartInMs: 1000 }),
    { kind: 'lost', error: new RestillError('TRAINER_GIVEN_UP', 'too often') },
    ingested(true),
    { kind: 'state', state: 'DRAINING' },
  );
  const fields = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(fields.map(({ level, event }) => `${level as string} ${event as string}`)).toEqual([
    'info trainer.started',
    'info turn.finished',
    'info generation.published',
    'info generation.published',
    'info gate.judged',
    'error generation.damaged',
    'error trainer.died',
    'error trainer.lost',
    'info ingest.ended',
    'info run.stopping',
  ]);
  expect(fields[0]).toMatchObject({ cursor: 5, trainerPid: 77, pid: process.pid });
  expect(fields[4]).toMatchObject({ id: 'g000002', cursor: 9, ...gate });
  expect(fields[7]).toMatchObject({ code: 'TRAINER_GIVEN_UP', message: 'too often' });
  for (const line of lines) expect(keysOf(line)).toEqual([...new Set(keysOf(line))]);
});

/** Of the outermost object, as they are written. */
const keysOf = (line: string): string[] => {
  const flat = line.slice(1, -1).replaceAll(/\{[^{}]*\}/g, '0');
  return [...flat.matchAll(/"(\w+)":/g)].map(([, key]) => key!);
};

it('takes what is no error of ours for a bug', () => {
  expect(errorFields(new RestillError('OFFSET_GAP', 'gone'))).toEqual({
    code: 'OFFSET_GAP',
    message: 'gone',
  });
  expect(errorFields(new TypeError('x'))).toEqual({ code: 'BUG', message: 'x' });
  expect(errorFields('odd')).toEqual({ code: 'BUG', message: 'odd' });
});
