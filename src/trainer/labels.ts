// Labels: teacher scores stamped with the teacher's version (promise 6: none older than labels.staleness_max
// versions is used). Keyed by the content of query and document, so one label serves every group that shows
// them. Part of a generation: which label a group gets must not depend on when the process was started.
import { Chain, type Link } from '../chain.ts';
import type { Document } from '../contract.ts';
import { assert } from '../errors.ts';
import { hashHex } from '../hash.ts';

export interface Label {
  readonly teacherVersion: number;
  /** Raw, in logits; calibrated at use. */
  readonly score: number;
}

interface Kept extends Link<Kept> {
  readonly key: string;
  readonly label: Label;
}

/** 16 hexadecimal digits. The separator cannot occur in text, so no two contents run together. */
export const labelKey = (query: string, d: Document): string =>
  hashHex(`${query}\u0000${d.title}\u0000${d.summary}`);

const entryBytes = 16;

/** Bounded by `keptMax`; the label set longest ago is forgotten first. */
export class LabelTable {
  private readonly labels = new Map<string, Kept>();
  private readonly ages = new Chain<Kept>();
  private readonly keptMax: number;

  constructor(keptMax: number) {
    this.keptMax = keptMax;
  }

  get size(): number {
    return this.labels.size;
  }

  set(key: string, label: Label): void {
    this.forget(this.labels.get(key));
    const kept = { key, label, older: null, younger: null };
    this.labels.set(key, kept);
    this.ages.append(kept);
    if (this.labels.size > this.keptMax) this.forget(this.ages.oldest!);
  }

  get(key: string): Label | undefined {
    return this.labels.get(key)?.label;
  }

  /** A label that may still be used under teacher `version`. */
  fresh(key: string, version: number, stalenessMax: number): Label | undefined {
    const label = this.get(key);
    return label && version - label.teacherVersion <= stalenessMax ? label : undefined;
  }

  /** 16 bytes an entry, in order of age: key (8), version (uint32 LE), score (float32 LE). */
  encode(): Uint8Array {
    const bytes = Buffer.alloc(this.labels.size * entryBytes);
    let at = 0;
    for (const { key, label } of this.labels.values()) {
      bytes.write(key, at, 8, 'hex');
      bytes.writeUInt32LE(label.teacherVersion, at + 8);
      bytes.writeFloatLE(label.score, at + 12);
      at += entryBytes;
    }
    return bytes;
  }

  private forget(kept: Kept | undefined): void {
    if (kept === undefined) return;
    this.labels.delete(kept.key);
    this.ages.remove(kept);
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
