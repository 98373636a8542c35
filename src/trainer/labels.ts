// Labels: teacher scores stamped with the teacher's version (promise 6: none older than labels.staleness_max
// versions is used). Keyed by the content of query and document, so one label serves every group that shows
// them. Part of a generation: which label a group gets must not depend on when the process was started.
import type { Document } from '../contract.ts';
import { assert } from '../errors.ts';
import { hashHex } from '../hash.ts';

export interface Label {
  readonly teacherVersion: number;
  /** Raw, in logits; calibrated at use. */
  readonly score: number;
}

/** 16 hexadecimal digits. The separator cannot occur in text, so no two contents run together. */
export const labelKey = (query: string, d: Document): string =>
  hashHex(`${query}\u0000${d.title}\u0000${d.summary}`);

const entryBytes = 16;

/** Bounded by `keptMax`; the label set longest ago is forgotten first. */
export class LabelTable {
  private readonly labels = new Map<string, Label>();
  /** Goes on where it was: a new iterator would step over every entry removed from the front so far. */
  private readonly oldest = this.labels.keys();
  private readonly keptMax: number;

  constructor(keptMax: number) {
    this.keptMax = keptMax;
  }

  get size(): number {
    return this.labels.size;
  }

  set(key: string, label: Label): void {
    this.labels.delete(key);
    this.labels.set(key, label);
    if (this.labels.size > this.keptMax) this.labels.delete(this.oldest.next().value!);
  }

  get(key: string): Label | undefined {
    return this.labels.get(key);
  }

  /** A label that may still be used under teacher `version`. */
  fresh(key: string, version: number, stalenessMax: number): Label | undefined {
    const label = this.labels.get(key);
    return label && version - label.teacherVersion <= stalenessMax ? label : undefined;
  }

  /** 16 bytes an entry, in order of age: key (8), version (uint32 LE), score (float32 LE). */
  encode(): Uint8Array {
    const bytes = Buffer.alloc(this.labels.size * entryBytes);
    let at = 0;
    for (const [key, label] of this.labels) {
      bytes.write(key, at, 8, 'hex');
      bytes.writeUInt32LE(label.teacherVersion, at + 8);
      bytes.writeFloatLE(label.score, at + 12);
      at += entryBytes;
    }
    return bytes;
  }

  static decode(bytes: Uint8Array, keptMax: number): LabelTable {
    assert(
      bytes.length % entryBytes === 0,
      `a label file has ${bytes.length} bytes, not a multiple of ${entryBytes}`,
    );
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const table = new LabelTable(keptMax);
    for (let at = 0; at < view.length; at += entryBytes) {
      const key = view.toString('hex', at, at + 8);
      table.set(key, { teacherVersion: view.readUInt32LE(at + 8), score: view.readFloatLE(at + 12) });
    }
    return table;
  }
}
