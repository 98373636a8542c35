// Invariants:
// - manifest.json is pinned by golden bytes: sizes and SHA-256 of every file, keys and files sorted
// - what was written is read back; any byte changed is GENERATION_DAMAGED naming the file
// - an unknown version, another config and other models to start from are GENERATION_FOREIGN, saying both
//   sides; version 1 is still read
// - a metric that is not a number is never stored; a file set that could not be stored is our bug
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generationId } from '../../src/checkpoint/generation.ts';
import {
  decodeManifest,
  describeSnapshot,
  encodeManifest,
  refuseForeign,
  refuseOtherStarts,
} from '../../src/checkpoint/manifest.ts';
import { seal } from '../../src/checkpoint/sealed-json.ts';
import type { Snapshot } from '../../src/contract.ts';
import { digestA, digestB, promote, sha256, snapshotAt } from '../support/snapshots.ts';

const birth = {
  id: generationId(2),
  parent: generationId(1),
  createdAtMs: 1_767_225_600_000,
  verdict: { decision: 'PROMOTE', reason: 'quality-held', figures: { drop: -0.05 } },
} as const;
const snapshot = snapshotAt({ cursor: 500, metrics: { 'holdout.ndcg10': 0.7125, 'holdout.queries': 40 } });
const manifest = describeSnapshot(snapshot, birth);
const bytes = Buffer.from(encodeManifest(manifest));

const golden = (version: number): string =>
  readFileSync(new URL(`../golden/manifest-${version}.json`, import.meta.url), 'utf8');

describe('the format', () => {
  it('is pinned by golden bytes', () => {
    expect(bytes.toString()).toBe(golden(2));
  });

  it('reads version 1, which says nothing of starts', () => {
    expect(decodeManifest(Buffer.from(golden(1)), 'm')).toEqual({ ...manifest, starts: null });
  });

  it('does not depend on the order of files and keys', () => {
    const shuffled: Snapshot = {
      ...snapshot,
      files: [...snapshot.files].reverse(),
      metrics: Object.fromEntries(Object.entries(snapshot.metrics).reverse()),
    };
    expect(Buffer.from(encodeManifest(describeSnapshot(shuffled, birth))).equals(bytes)).toBe(true);
  });

  it('reads back what it wrote', () => {
    expect(decodeManifest(bytes, 'manifest.json')).toEqual(manifest);
    const names = fc.string().filter((name) => name !== '__proto__'); // is no key to JSON.parse
    const metrics = fc.dictionary(names, fc.double({ noNaN: true, noDefaultInfinity: true }));
    fc.assert(
      fc.property(metrics, fc.nat(), fc.boolean(), (values, cursor, scheduled) => {
        // Minus zero is written as zero, as JSON does.
        const whole = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value + 0]));
        const other = describeSnapshot({ ...snapshot, cursor, scheduled, metrics: whole }, birth);
        expect(decodeManifest(encodeManifest(other), '')).toEqual(other);
      }),
    );
  });
});

describe('reading', () => {
  it('notices any byte that differs', () => {
    fc.assert(
      fc.property(fc.nat(bytes.byteLength - 1), fc.integer({ min: 1, max: 255 }), (place, difference) => {
        const damaged = Buffer.from(bytes);
        damaged[place]! ^= difference;
        expect(() => decodeManifest(damaged, '/g000002/manifest.json')).toThrow(
          expect.objectContaining({
            code: 'GENERATION_DAMAGED',
            message: expect.stringContaining('/g000002/manifest.json'),
          }),
        );
      }),
    );
  });

  it('refuses a version that it does not know', () => {
    expect(() => decodeManifest(seal({ ...manifest, version: 3 }), 'm')).toThrow(
      expect.objectContaining({
        code: 'GENERATION_FOREIGN',
        message: expect.stringMatching(/version 3.*versions 1 and 2/),
      }),
    );
  });

  it.each([
    ['a missing field', { cursor: undefined }, 'cursor'],
    ['a field too many', { surprise: 1 }, 'surprise'],
    ['a path that climbs out', { files: [{ path: '../x', bytes: 1, sha256: digestA }] }, 'path'],
    ['an absolute path', { files: [{ path: '/x', bytes: 1, sha256: digestA }] }, 'path'],
    ['a hidden path', { files: [{ path: 'student/.x', bytes: 1, sha256: digestA }] }, 'path'],
    ['an id of another form', { id: 'g2' }, 'g2'],
  ])('refuses %s, however well sealed', (_, change, named) => {
    const fields: Record<string, unknown> = { ...manifest, ...change };
    if (fields.cursor === undefined) delete fields.cursor;
    expect(() => decodeManifest(seal(fields), 'm')).toThrow(
      expect.objectContaining({ code: 'GENERATION_DAMAGED', message: expect.stringContaining(named) }),
    );
  });

  it('refuses another config, naming both', () => {
    expect(() => refuseForeign(manifest, digestA)).not.toThrow();
    expect(() => refuseForeign(manifest, digestB)).toThrow(
      expect.objectContaining({
        code: 'GENERATION_FOREIGN',
        message: expect.stringMatching(new RegExp(`g000002.*${digestA}.*${digestB}`)),
      }),
    );
  });
});

it('refuses other models to start from than it began with, naming both', () => {
  const starts = { student: sha256('student start'), teacher: null };
  expect(() => refuseOtherStarts(manifest, starts)).not.toThrow();
  expect(() => refuseOtherStarts({ ...manifest, starts: null }, starts)).not.toThrow();
  for (const [model, others] of [
    ['student', { ...starts, student: digestB }],
    ['student', { ...starts, student: null }],
    ['teacher', { ...starts, teacher: digestB }],
  ] as const)
    expect(() => refuseOtherStarts(manifest, others)).toThrow(
      expect.objectContaining({
        code: 'GENERATION_FOREIGN',
        message: expect.stringMatching(
          new RegExp(`g000002 began with a ${model} .*${model}\\.start now holds`),
        ),
      }),
    );
});

describe('describing a snapshot', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses a metric of %d', (value) => {
    const describe_ = () => describeSnapshot({ ...snapshot, metrics: { 'loss.distill': value } }, birth);
    expect(describe_).toThrow(expect.objectContaining({ code: 'NON_FINITE' }));
    expect(describe_).toThrow(/loss\.distill.*cursor 500/);
  });

  it.each([
    ['two files of one path', ['a', 'a']],
    ['a file that is also a directory', ['a', 'a/b']],
    ['a manifest of its own', ['manifest.json']],
    ['a path that climbs out', ['student/../../x']],
    ['an empty path', ['']],
  ])('refuses %s as our own mistake', (_, paths) => {
    const files = paths.map((path) => ({ path, bytes: new Uint8Array(1) }));
    expect(() => describeSnapshot({ ...snapshot, files }, { ...birth, verdict: promote })).toThrow(
      expect.objectContaining({ code: 'BUG' }),
    );
  });
});
