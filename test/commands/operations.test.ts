// What a run shows of itself, over HTTP: the daemon's events, where the partitions stand when somebody
// asks, the generation that serves whoever moved the pointer, a damaged pointer as what stands in the way
// of readiness.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openLog } from '../../src/commands/log.ts';
import type { PartitionStanding } from '../../src/commands/observe.ts';
import { openOperations } from '../../src/commands/operations.ts';
import { parseConfig } from '../../src/config.ts';
import { RestillError } from '../../src/errors.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { twoGenerations } from '../support/snapshots.ts';

async function serve(data: string, partitions: () => PartitionStanding[] = () => []) {
  const file = join(data, 'restill.log');
  mkdirSync(data, { recursive: true });
  const config = parseConfig({ admin: { port: 0 } });
  const operations = await openOperations({ config, data, log: openLog(file), version: '1.2.3', partitions });
  onTestFinished(() => operations.close());
  const get = async (path: string): Promise<string> =>
    (await fetch(`${operations.address}/${path}`, { headers: { connection: 'close' } })).text();
  const events = (): unknown[] =>
    readFileSync(file, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { event: string }).event);
  return { operations, get, events };
}

it('tells of the daemon in figures, readiness and log', async () => {
  const { operations, get, events } = await serve(temporaryDirectory());
  operations.follow({ kind: 'state', state: 'TRAINING' });
  expect(await get('readyz')).toContain('"ready":true');
  operations.follow({ kind: 'lost', error: new RestillError('TRAINER_GIVEN_UP', 'died 6 times') });
  operations.follow({ kind: 'state', state: 'DEGRADED' });
  operations.countDeadLetters([]);
  expect(await get('readyz')).toContain('"code":"TRAINER_GIVEN_UP","message":"died 6 times"');
  const metrics = await get('metrics');
  expect(metrics).toContain('\nrestill_build_info{version="1.2.3"} 1\n');
  expect(metrics).toContain('\nrestill_state{state="DEGRADED"} 1\n');
  expect(metrics).toContain('\nrestill_ready 0\n');
  expect(events()).toEqual(['admin.listening', 'trainer.lost']);
});

it('asks where the partitions stand when somebody reads', async () => {
  const standing = { topic: 'clicks', partition: 0, high: 30, bytes: 0, paused: true };
  let next = 10;
  const { get } = await serve(temporaryDirectory(), () => [{ ...standing, next }]);
  expect(await get('metrics')).toContain('\nrestill_source_lag_records{topic="clicks",partition="0"} 20\n');
  next = 25;
  expect(await get('metrics')).toContain('\nrestill_source_lag_records{topic="clicks",partition="0"} 5\n');
});

it('shows the generation that serves, whoever moved the pointer', async () => {
  const { directory, store, first, second } = await twoGenerations();
  const { get } = await serve(dirname(directory));
  expect(await get('metrics')).not.toMatch(/\nrestill_freshness_seconds /);
  await store.setLive(second.manifest.id);
  expect(await get('metrics')).toContain('\nrestill_live_generation 2\n');
  await store.setLive(first.manifest.id);
  const metrics = await get('metrics');
  expect(metrics).toContain('\nrestill_live_generation 1\n');
  const clickSeconds = first.manifest.lineage.eventTimeMs.to / 1000;
  expect(metrics).toContain(`\nrestill_live_click_timestamp_seconds ${clickSeconds}\n`);
  const freshness = Number(/\nrestill_freshness_seconds (\S+)/.exec(metrics)?.[1]);
  expect(Math.abs(Date.now() / 1000 - clickSeconds - freshness)).toBeLessThan(60);
});

it('is not ready while the pointer to what serves is damaged, and shows its figures even so', async () => {
  const { directory, store, first } = await twoGenerations();
  await store.setLive(first.manifest.id);
  const { operations, get } = await serve(dirname(directory));
  operations.follow({ kind: 'state', state: 'TRAINING' });
  const pointer = join(directory, 'current.json');
  const whole = readFileSync(pointer);
  writeFileSync(pointer, 'half');
  expect(await get('readyz')).toContain('"code":"GENERATION_DAMAGED"');
  expect(await get('metrics')).toContain('\nrestill_ready 0\n');
  writeFileSync(pointer, whole);
  expect(await get('readyz')).toContain('"ready":true');
});
