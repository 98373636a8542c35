// Invariants:
// - the model appears first, SHA256SUMS last; nothing is put that does not read back as it was (1, 3)
// - wherever an upload breaks off, a SHA256SUMS that is there speaks the truth: what it lists is there and
//   matches; the same command with --force completes it (1)
// - what is at the target is refused without force; what is no part of the export is refused with it too, and
//   nothing of it is touched (2)
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ObjectStore,
  refuseTakenTarget,
  type UploadFile,
  uploadBundle,
  uploadOnce,
} from '../../src/checkpoint/upload.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A bucket in memory that keeps count of its operations. */
class MemoryBucket implements ObjectStore {
  readonly name = 's3://memory';
  readonly objects = new Map<string, Buffer>();
  readonly order: string[] = [];
  /** This operation, counted from 1, and all after it fail. */
  breaksAt = Infinity;
  /** The key whose content it loses. */
  forgets = '';
  #count = 0;

  #step(): void {
    if (++this.#count >= this.breaksAt) throw new Error('gone');
  }

  async list(prefix: string): Promise<string[]> {
    this.#step();
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  async put(key: string, content: UploadFile['content']): Promise<void> {
    this.#step();
    this.order.push(key);
    const bytes = Buffer.from(content.read(0, content.bytes));
    this.objects.set(key, key === this.forgets ? bytes.subarray(1) : bytes);
  }

  async digest(key: string): Promise<{ bytes: number; sha256: string } | null> {
    this.#step();
    const bytes = this.objects.get(key);
    return bytes === undefined ? null : { bytes: bytes.length, sha256: sha256(bytes) };
  }

  async remove(key: string): Promise<void> {
    this.#step();
    this.objects.delete(key);
  }
}

function fileOf(path: string, text: string): UploadFile {
  const bytes = Buffer.from(text);
  const content = { bytes: bytes.length, read: (at: number, n: number) => bytes.subarray(at, at + n) };
  return { path, bytes: bytes.length, sha256: sha256(bytes), content };
}

/** @param edition makes another content of the same files. */
function bundle(edition: string): UploadFile[] {
  const files = ['README.md', 'golden.jsonl', 'model.onnx'].map((path) => fileOf(path, `${edition} ${path}`));
  const sums = files.map((file) => `${file.sha256}  ${file.path}\n`).join('');
  return [fileOf('SHA256SUMS', sums), ...files];
}

const options = (files: readonly UploadFile[], force = false) =>
  ({ target: 'shop/7', files, first: 'model.onnx', last: 'SHA256SUMS', force }) as const;

/** Whether the sums, where there are any, are those of what is there. */
function tellsTheTruth({ objects }: MemoryBucket): boolean {
  const sums = objects.get('shop/7/SHA256SUMS')?.toString() ?? '';
  return sums
    .split('\n')
    .filter(Boolean)
    .every((line) => {
      const [digest, path] = line.split('  ');
      const found = objects.get(`shop/7/${path}`);
      return found !== undefined && sha256(found) === digest;
    });
}

describe('an upload', () => {
  it('puts the model first and the sums last', async () => {
    const store = new MemoryBucket();
    await uploadBundle(store, options(bundle('a')));
    expect(store.order[0]).toBe('shop/7/model.onnx');
    expect(store.order.at(-1)).toBe('shop/7/SHA256SUMS');
    expect(store.order.length).toBe(4);
  });

  it('that does not read back ends before the sums', async () => {
    const store = new MemoryBucket();
    store.forgets = 'shop/7/golden.jsonl';
    await expect(uploadBundle(store, options(bundle('a')))).rejects.toMatchObject({
      code: 'BUCKET_REFUSED',
      message: expect.stringMatching(/golden\.jsonl has 13 bytes .* expected 14 bytes/),
    });
    expect(store.objects.has('shop/7/SHA256SUMS')).toBe(false);
  });

  it.each([false, true])(
    'that breaks off leaves no untrue sums, with an old one there: %s',
    async (isOld) => {
      for (let n = 1, done = false; !done; n++) {
        const store = new MemoryBucket();
        if (isOld) for (const f of bundle('old')) await store.put(`shop/7/${f.path}`, f.content);
        store.breaksAt = n + (isOld ? 4 : 0);
        done = await uploadBundle(store, options(bundle('new'), isOld)).then(
          () => true,
          () => false,
        );
        expect(tellsTheTruth(store)).toBe(true);
        store.breaksAt = Infinity;
        await uploadBundle(store, options(bundle('new'), true));
        expect(tellsTheTruth(store)).toBe(true);
        expect(store.objects.get('shop/7/model.onnx')!.toString()).toBe('new model.onnx');
        expect(store.objects.has('shop/7/SHA256SUMS')).toBe(true);
      }
    },
  );
});

describe('what is at the target', () => {
  it('is refused without force, and named', async () => {
    const store = new MemoryBucket();
    await uploadBundle(store, options(bundle('a')));
    const refused = refuseTakenTarget(store, options([]));
    await expect(refused).rejects.toMatchObject({
      code: 'USAGE',
      message:
        's3://memory/shop/7 holds an earlier export; name another place, or give --force to replace it',
    });
    store.objects.delete('shop/7/SHA256SUMS');
    await expect(refuseTakenTarget(store, options([]))).rejects.toThrow(
      /no SHA256SUMS: an upload that broke/,
    );
  });

  it('is left alone when it is no part of the export', async () => {
    const keys = fc.array(fc.constantFrom('note.txt', 'onnx/model.onnx', 'SHA256SUMS.old', 'a'), {
      minLength: 1,
    });
    await fc.assert(
      fc.asyncProperty(keys, fc.boolean(), async (foreign, force) => {
        const store = new MemoryBucket();
        for (const path of foreign) store.objects.set(`shop/7/${path}`, Buffer.from('theirs'));
        const before = new Map(store.objects);
        await expect(uploadBundle(store, options(bundle('a'), force))).rejects.toMatchObject({
          code: 'USAGE',
        });
        expect(store.objects).toEqual(before);
      }),
      { numRuns: 20 },
    );
  });

  it('is its own version alone', async () => {
    const store = new MemoryBucket();
    store.objects.set('shop/70/model.onnx', Buffer.from('another'));
    await uploadBundle(store, options(bundle('a')));
    expect(store.objects.get('shop/70/model.onnx')!.toString()).toBe('another');
  });
});

it('a file for all versions is put once', async () => {
  const store = new MemoryBucket();
  store.objects.set('shop/config.pbtxt.old', Buffer.from(''));
  await uploadOnce(store, 'shop', fileOf('config.pbtxt', 'one'));
  await uploadOnce(store, 'shop', fileOf('config.pbtxt', 'two'));
  expect(store.objects.get('shop/config.pbtxt')!.toString()).toBe('one');
});
