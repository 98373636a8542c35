// Invariants:
// - the disk and the memory disk that the crash tests use answer every operation alike
// - what is absent is null or false, never an error; everything else that fails is an error
// - a named failure says the path, the reason and what to do
import { symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { diskFiles, type Files, named } from '../../src/checkpoint/files.fs.ts';
import { randomFor } from '../../src/random.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { errno, failOnce, withFault } from '../support/faulty-files.ts';
import { MemoryDisk } from '../support/memory-disk.ts';

const disks: Record<string, () => Promise<{ files: Files; root: string }>> = {
  disk: async () => ({ files: diskFiles, root: temporaryDirectory() }),
  memory: async () => ({ files: new MemoryDisk(), root: '' }),
};

async function put(files: Files, path: string, text: string): Promise<void> {
  const file = await files.create(path);
  const bytes = Buffer.from(text);
  expect(await file.write(bytes)).toBe(bytes.byteLength);
  await file.sync();
  await file.close();
}

async function get(files: Files, path: string): Promise<string | null> {
  const file = await files.openRead(path);
  if (file === null) return null;
  const piece = new Uint8Array(3);
  let text = '';
  for (let count = await file.read(piece); count > 0; count = await file.read(piece))
    text += Buffer.from(piece.subarray(0, count)).toString();
  await file.close();
  return text;
}

describe.each(Object.entries(disks))('on the %s', (_, open) => {
  it('writes, reads in pieces, replaces and removes files', async () => {
    const { files, root } = await open();
    await put(files, `${root}/a`, 'first content');
    expect(await get(files, `${root}/a`)).toBe('first content');
    await put(files, `${root}/a`, 'second');
    expect(await get(files, `${root}/a`)).toBe('second');
    await put(files, `${root}/b`, 'other');
    await files.rename(`${root}/b`, `${root}/a`);
    expect(await get(files, `${root}/a`)).toBe('other');
    expect(await get(files, `${root}/b`)).toBeNull();
    await files.removeFile(`${root}/a`);
    expect(await files.list(root)).toEqual([]);
  });

  it('makes, lists and removes directories', async () => {
    const { files, root } = await open();
    expect(await files.makeDirectory(`${root}/d`)).toBe(true);
    expect(await files.makeDirectory(`${root}/d`)).toBe(false);
    await put(files, `${root}/d/f`, 'x');
    await put(files, `${root}/e`, 'x');
    const entries = (await files.list(root))!.sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(entries).toEqual([
      { name: 'd', kind: 'directory' },
      { name: 'e', kind: 'file' },
    ]);
    await files.syncDirectory(root);
    await files.rename(`${root}/d`, `${root}/moved`);
    expect(await get(files, `${root}/moved/f`)).toBe('x');
    expect(await files.list(`${root}/d`)).toBeNull();
    await expect(files.removeDirectory(`${root}/moved`)).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    await files.removeFile(`${root}/moved/f`);
    await files.removeDirectory(`${root}/moved`);
    expect(await files.list(`${root}/moved`)).toBeNull();
  });

  it('refuses what cannot be done', async () => {
    const { files, root } = await open();
    await put(files, `${root}/file`, 'x');
    await files.makeDirectory(`${root}/full`);
    await put(files, `${root}/full/f`, 'x');
    await files.makeDirectory(`${root}/empty`);
    await expect(files.list(`${root}/file`)).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(files.create(`${root}/none/f`)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(files.create(`${root}/full`)).rejects.toMatchObject({ code: 'EISDIR' });
    await expect(files.rename(`${root}/none`, `${root}/x`)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(files.rename(`${root}/empty`, `${root}/full`)).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    await expect(files.rename(`${root}/empty`, `${root}/file`)).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(files.removeFile(`${root}/none`)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(files.removeDirectory(`${root}/file`)).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(files.makeDirectory(`${root}/none/d`)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await files.openRead(`${root}/none`)).toBeNull();
  });
});

it('a symbolic link is neither file nor directory', async () => {
  const root = temporaryDirectory();
  symlinkSync('/etc', `${root}/link`);
  expect(await diskFiles.list(root)).toEqual([{ name: 'link', kind: 'other' }]);
});

describe('the memory disk after a power loss', () => {
  const survivors = async (prepare: (disk: MemoryDisk) => Promise<void>, path: string) => {
    const seen = new Set<string | null>();
    for (let seed = 0; seed < 60; seed++) {
      const disk = new MemoryDisk();
      await prepare(disk);
      seen.add(await get(disk.powerLoss(randomFor(seed, 'power')), path));
    }
    return seen;
  };

  it('keeps what was synced, content and name', async () => {
    const seen = await survivors(async (disk) => {
      await put(disk, '/f', 'kept');
      await disk.syncDirectory('/');
    }, '/f');
    expect(seen).toEqual(new Set(['kept']));
  });

  it('may lose a name that was not synced, and may cut or zero content that was not', async () => {
    const seen = await survivors(async (disk) => {
      await (await disk.create('/f')).write(Buffer.from('lost'));
    }, '/f');
    expect(seen).toContain(null);
    expect(seen).toContain('');
    expect(seen).toContain('lost');
    expect(seen).toContain('\0\0\0\0');
    expect(seen.size).toBeGreaterThan(5);
  });

  it('may undo a rename that was not synced', async () => {
    const seen = await survivors(async (disk) => {
      await put(disk, '/f', 'old');
      await put(disk, '/g', 'new');
      await disk.syncDirectory('/');
      await disk.rename('/g', '/f');
    }, '/f');
    expect(seen).toEqual(new Set(['old', 'new']));
  });
});

describe('named failures', () => {
  it.each([
    ['ENOSPC', 'free some space'],
    ['EROFS', 'read-only'],
    ['EACCES', 'permission'],
    ['EIO', 'look at the disk'],
  ])('%s says what to do', async (code, remedy) => {
    const files = named(withFault(new MemoryDisk(), failOnce(1, code)));
    const refused = files.create('/data/f');
    await expect(refused).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED', cause: errno(code) });
    await expect(refused).rejects.toThrow(
      new RegExp(`cannot write /data/f \\(${code}\\).*${remedy}.*untouched`),
    );
  });

  it('reading has a code of its own', async () => {
    const files = named(withFault(new MemoryDisk(), failOnce(1)));
    await expect(files.list('/data')).rejects.toMatchObject({ code: 'STORE_READ_FAILED' });
  });
});
