// manifest.json: what a generation holds, where it comes from and what its gate said. The file format is
// pinned by golden bytes in the test; changing it means a new version number and a reader for both.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type {
  ArtifactFile,
  GateVerdict,
  GenerationId,
  Manifest,
  ManifestFile,
  Snapshot,
  StartDigests,
} from '../contract.ts';
import { assert, RestillError } from '../errors.ts';
import { generationIdSchema } from './generation.ts';
import { seal, unseal } from './sealed-json.ts';

export const manifestName = 'manifest.json';

/** Relative, no hidden names, nothing that could climb out of the directory. */
const filePath = /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/;
const hex64 = /^[0-9a-f]{64}$/;

const figures = z.record(z.string(), z.number());
const weight = z.string().regex(hex64);

const common = {
  id: generationIdSchema,
  parent: generationIdSchema.nullable(),
  createdAt: z.iso.datetime(),
  cursor: z.int().min(0),
  scheduled: z.boolean(),
  configDigest: z.string().regex(hex64),
  lineage: z.strictObject({
    topic: z.string(),
    offsets: z.record(z.string(), z.int().min(0)),
    cursor: z.int().min(0),
    eventTimeMs: z.strictObject({ from: z.number(), to: z.number() }),
    teacherVersion: z.int().min(0),
    replayShare: z.number().min(0).max(1),
  }),
  metrics: figures,
  weightsSha256: z.strictObject({ student: weight, teacher: weight }),
  gate: z.strictObject({
    decision: z.enum(['PROMOTE', 'HOLD', 'REJECT']),
    reason: z.string(),
    figures,
  }),
  files: z.array(
    z.strictObject({
      path: z.string().regex(filePath),
      bytes: z.int().min(0),
      sha256: z.string().regex(hex64),
    }),
  ),
};

/** Until November 2026: nothing was said of the models that training began with. */
const versionOne = z
  .strictObject({ version: z.literal(1), ...common })
  .transform((old): Manifest => ({ ...old, version: 2, starts: null }));

const starts = z.strictObject({ student: weight.nullable(), teacher: weight.nullable() });
const versionTwo = z.strictObject({ version: z.literal(2), starts: starts.nullable(), ...common });

/** What the store adds to a snapshot. */
export interface Birth {
  readonly id: GenerationId;
  readonly parent: GenerationId | null;
  readonly createdAtMs: number;
  readonly verdict: GateVerdict;
}

/**
 * The manifest of a snapshot; files are listed by path, sorted.
 *
 * @throws NON_FINITE where a metric is not a number: such weights must not be continued from.
 */
export function describeSnapshot(snapshot: Snapshot, birth: Birth): Manifest {
  for (const [name, value] of Object.entries({ ...snapshot.metrics, ...birth.verdict.figures }))
    if (!Number.isFinite(value))
      throw new RestillError(
        'NON_FINITE',
        `metric ${name} of the snapshot at cursor ${snapshot.cursor} is ${value}, ` +
          'expected a finite number; it was not stored, go on from the generation before it',
      );
  const files = snapshot.files.map(describeFile).sort((a, b) => (a.path < b.path ? -1 : 1));
  const manifest: Manifest = {
    version: 2,
    id: birth.id,
    parent: birth.parent,
    createdAt: new Date(birth.createdAtMs).toISOString(),
    cursor: snapshot.cursor,
    scheduled: snapshot.scheduled,
    configDigest: snapshot.configDigest,
    starts: snapshot.starts,
    lineage: snapshot.lineage,
    metrics: snapshot.metrics,
    weightsSha256: snapshot.weightsSha256,
    gate: birth.verdict,
    files,
  };
  const checked = versionTwo.safeParse(manifest);
  assert(checked.success, `snapshot does not fit the manifest: ${checked.error?.message}`);
  assertFileSet(files);
  return manifest;
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  return seal({ ...manifest });
}

/**
 * @param where path of the file, for the message.
 * @throws GENERATION_DAMAGED when a byte is not as it was written; GENERATION_FOREIGN for an unknown version.
 */
export function decodeManifest(bytes: Uint8Array, where: string): Manifest {
  const fields = unseal(bytes);
  if (fields === null)
    throw new RestillError(
      'GENERATION_DAMAGED',
      `${where} does not match its own checksum; restore it from a copy or use another generation`,
    );
  if (fields.version !== 1 && fields.version !== 2)
    throw new RestillError(
      'GENERATION_FOREIGN',
      `${where} has version ${fields.version}, this restill reads versions 1 and 2; ` +
        'use the restill that wrote it',
    );
  const parsed = (fields.version === 1 ? versionOne : versionTwo).safeParse(fields);
  if (!parsed.success)
    throw new RestillError(
      'GENERATION_DAMAGED',
      `${where} is intact but does not fit version ${fields.version}: ${z.prettifyError(parsed.error)}`,
    );
  return parsed.data;
}

/** Weights that were made with another configuration mean something else and cannot be continued. */
export function refuseForeign(manifest: Manifest, configDigest: string): void {
  if (manifest.configDigest === configDigest) return;
  throw new RestillError(
    'GENERATION_FOREIGN',
    `generation ${manifest.id} was made with config ${manifest.configDigest}, ` +
      `the config given is ${configDigest}; use the config it was made with, or another data directory`,
  );
}

/**
 * Weights continue what they began with: an adapter belongs to its model, and the report compares the student
 * with the one before it learnt anything.
 */
export function refuseOtherStarts({ id, starts: began }: Manifest, now: StartDigests): void {
  if (began === null) return;
  for (const model of ['student', 'teacher'] as const)
    if (began[model] !== now[model])
      throw new RestillError(
        'GENERATION_FOREIGN',
        `generation ${id} began with a ${model} of SHA-256 ${began[model] ?? '(none: random weights)'}, ` +
          `but ${model}.start now holds ${now[model] ?? '(nothing)'}; put the model back as it was ` +
          '(`hf:ORG/NAME@COMMIT` stays the same), or use another data directory',
      );
}

function describeFile({ path, bytes }: ArtifactFile): ManifestFile {
  return { path, bytes: bytes.byteLength, sha256: createHash('sha256').update(bytes).digest('hex') };
}

function assertFileSet(files: readonly ManifestFile[]): void {
  const paths = new Set(files.map((file) => file.path));
  assert(paths.size === files.length, 'a snapshot must not hold two files of one path');
  assert(!paths.has(manifestName), `${manifestName} is written by the store`);
  for (const path of paths)
    for (let cut = path.indexOf('/'); cut >= 0; cut = path.indexOf('/', cut + 1))
      assert(!paths.has(path.slice(0, cut)), `${path.slice(0, cut)} cannot be a file and a directory`);
}
