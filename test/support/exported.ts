// Generations of a tiny student with weights that make a difference, as `restill export` finds them.
import { join } from 'node:path';
import type { Generation } from '../../src/contract.ts';
import { bertParameters } from '../../src/tensor/bert.ts';
import { bertFromHuggingFace } from '../../src/tensor/model-config.ts';
import { takeSnapshot } from '../../src/trainer/snapshot.tf.ts';
import { promote, storeAt } from './snapshots.ts';
import { lively } from './tensor.ts';
import { disposeBenches, openBench, streamOf, tinyConfig } from './workshop.ts';

type Student = Readonly<Record<string, unknown>>;

/** Publishes one generation for each seed; the last one is `latest`. */
export async function generationsIn(
  data: string,
  seeds: readonly number[],
  student: Student = {},
): Promise<Generation[]> {
  const bench = await openBench({ groups: streamOf(10), config: tinyConfig({ student }) });
  const { store } = await storeAt(join(data, 'generations'));
  const file = bench.fixed.find(({ path }) => path === 'student/config.json')!;
  const config = bertFromHuggingFace(JSON.parse(Buffer.from(file.bytes).toString()));
  const about = { scheduled: true, configDigest: 'c'.repeat(64), starts: { student: null, teacher: null } };
  const generations: Generation[] = [];
  for (const seed of seeds) {
    bench.shop.student.restore({ weights: lively(bertParameters(config), seed), moments: new Map() });
    generations.push(await store.publish(takeSnapshot(bench.shop, bench.fixed, about), promote));
  }
  await store.setLive(generations[0]!.manifest.id);
  disposeBenches();
  return generations;
}
