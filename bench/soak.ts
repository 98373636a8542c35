// Whether `restill run` stays as it is over time. usage: npm run bench:soak [-- --minutes 30] [--rate 200]
// [--snapshot-groups 2500] [--warm-up 0.34] [--samples FILE]. Needs Linux, Java and Maven. A simulated shop
// sends `rate` events a second to a topic; the demo's models learn from it. Snapshots come every so many
// groups: 2,500 are about a minute at 200 events/s. Every 10 s: resident memory and open files of daemon and
// trainer, tensors of the trainer, size of the journal's files. The last line is a JSON object with the
// least-squares slopes per hour, over what comes after the warm-up (a share of the run), and the figures at
// their begin and end; FILE gets all samples.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/clock.ts';
import { startBroker } from '../test/support/broker/broker.ts';
import { createTopic } from '../test/support/broker/topic.ts';
import { type LogLine, startService } from './broker/service.ts';
import { sendTraffic } from './broker/traffic.ts';
import { diskMiB, openFiles, residentMiB, slope } from './broker/vitals.ts';
import { machine } from './speed/bench.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string', default: '200' },
    'snapshot-groups': { type: 'string', default: '2500' },
    'warm-up': { type: 'string', default: '0.34' },
    samples: { type: 'string' },
  },
});
const seconds = 60 * Number(values.minutes);
const everyMs = 10_000;
const topic = 'clicks';

interface Sample {
  readonly seconds: number;
  readonly daemonMiB: number;
  readonly trainerMiB: number;
  readonly daemonFiles: number;
  readonly trainerFiles: number;
  readonly tensors: number;
  readonly journalMiB: number;
  readonly cursor: number;
}

/** What the log has told of the trainer. */
interface Standing {
  trainerPid: number;
  tensors: number;
  cursor: number;
  generations: string[];
  errors: string[];
}

const directory = mkdtempSync(join(tmpdir(), 'restill-soak-'));
const broker = await startBroker();
try {
  await createTopic(broker.bootstrap, topic, 3);
  console.log(JSON.stringify({ benchmark: 'soak', ...(await soak(broker.bootstrap)), ...machine() }));
} finally {
  await broker.stop();
  rmSync(directory, { recursive: true });
}

async function soak(bootstrap: string): Promise<Record<string, unknown>> {
  const nothing = Number.NaN;
  const standing: Standing = {
    ...{ trainerPid: 0, tensors: nothing, cursor: 0 },
    ...{ generations: [], errors: [] },
  };
  const snapshotGroups = Number(values['snapshot-groups']);
  const settings = { bootstrap, topic, snapshotGroups, windowSeconds: 30 };
  const service = await startService(settings, directory, (line) => note(line, standing));
  const startMs = systemClock.now() + 15_000; // The service has started by then.
  const isOver = new AbortController();
  const sampling = sampleUntil(isOver.signal, startMs, () => vitals(service.pid, standing));
  const eventsPerSecond = Number(values.rate);
  const sent = await sendTraffic({ bootstrap, topic, eventsPerSecond, seconds, startMs }, () => {});
  isOver.abort();
  const samples = await sampling;
  await service.stop();
  if (values.samples !== undefined) writeFileSync(values.samples, JSON.stringify(samples));
  const { generations, errors } = standing;
  return { minutes: Number(values.minutes), sent, ...figures(samples, generations), errors };
}

function note(line: LogLine, standing: Standing): void {
  if (line.level === 'error') standing.errors.push(line.event);
  if (line.event === 'trainer.started') standing.trainerPid = line.trainerPid as number;
  if (line.event === 'generation.published') standing.generations.push(line.time);
  if (line.event !== 'turn.finished') return;
  standing.cursor = line.cursor as number;
  standing.tensors = (line.figures as Record<string, number>)['memory.tensors'] ?? Number.NaN;
}

function vitals(pid: number, { trainerPid, tensors, cursor }: Standing): Omit<Sample, 'seconds'> {
  return {
    daemonMiB: residentMiB(pid),
    trainerMiB: residentMiB(trainerPid),
    daemonFiles: openFiles(pid),
    trainerFiles: openFiles(trainerPid),
    tensors,
    journalMiB: diskMiB(join(directory, 'data', 'journal')),
    cursor,
  };
}

async function sampleUntil(
  over: AbortSignal,
  startMs: number,
  look: () => Omit<Sample, 'seconds'>,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  while (!over.aborted) {
    await pause(everyMs, undefined, { signal: over }).catch(() => {}); // Over is over.
    if (over.aborted) break;
    const sample = { seconds: Math.round((systemClock.now() - startMs) / 1000), ...look() };
    samples.push(sample);
    console.log(JSON.stringify(sample));
  }
  return samples;
}

function figures(samples: readonly Sample[], generations: readonly string[]): Record<string, unknown> {
  const settled = samples.slice(Math.floor(Number(values['warm-up']) * samples.length));
  const of = (name: keyof Sample): Record<string, number> => ({
    begin: settled[0]?.[name] ?? Number.NaN,
    end: settled.at(-1)?.[name] ?? Number.NaN,
    perHour: Number((3600 * slope(settled.map((sample) => [sample.seconds, sample[name]]))).toFixed(2)),
  });
  const times = generations.map((time) => Date.parse(time) / 1000);
  const names = ['daemonMiB', 'trainerMiB', 'daemonFiles', 'trainerFiles', 'tensors', 'journalMiB'] as const;
  return {
    samples: samples.length,
    settled: settled.length,
    groupsLearnt: samples.at(-1)?.cursor ?? 0,
    secondsBetweenGenerations: times.slice(1).map((time, i) => Number((time - times[i]!).toFixed(1))),
    figures: Object.fromEntries(names.map((name) => [name, of(name)])),
  };
}
