// What tells two generations apart, by their manifests. Pure.
import type { Manifest } from '../contract.ts';
import type { Difference } from './view.ts';

export function differenceOf(from: Manifest, to: Manifest): Difference {
  const [before, after] = [factsOf(from), factsOf(to)];
  return {
    from: from.id,
    to: to.id,
    facts: namesOf(before, after).flatMap((name) => {
      const [a, b] = [before[name] ?? 'none', after[name] ?? 'none'];
      return a === b ? [] : [{ name, from: a, to: b }];
    }),
    figures: namesOf(from.metrics, to.metrics)
      .sort()
      .map((name) => ({ name, from: from.metrics[name] ?? null, to: to.metrics[name] ?? null })),
  };
}

/** By the words of the command line (`restill generations show`). */
function factsOf(manifest: Manifest): Record<string, string> {
  const { lineage, gate, starts } = manifest;
  return {
    gate: `${gate.decision} ${gate.reason}`,
    'groups learnt': String(manifest.cursor),
    'teacher version': String(lineage.teacherVersion),
    'newest click': new Date(lineage.eventTimeMs.to).toISOString(),
    topic: lineage.topic,
    ...Object.fromEntries(
      Object.entries(lineage.offsets).map(([partition, offset]) => [`next of ${partition}`, String(offset)]),
    ),
    'replay share': String(lineage.replayShare),
    config: manifest.configDigest,
    'student began with': starts?.student ?? 'random weights',
    'teacher began with': starts?.teacher ?? 'random weights',
    'student sha256': manifest.weightsSha256.student,
    'teacher sha256': manifest.weightsSha256.teacher,
  };
}

/** Of both, in the order of the first. */
const namesOf = (a: object, b: object): string[] => [...new Set([...Object.keys(a), ...Object.keys(b)])];
