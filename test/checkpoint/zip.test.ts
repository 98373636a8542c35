// Invariants:
// - Python's zipfile, another implementation, reads back names and bytes, and finds the checksums right
// - equal files give equal archives
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { encodeZip } from '../../src/checkpoint/zip.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { pythonWith, runPython } from '../support/python.ts';

const files = [
  { path: 'model.onnx', bytes: Buffer.alloc(100_000, 'weights') },
  { path: 'empty', bytes: Buffer.alloc(0) },
  { path: 'folder/ü.json', bytes: Buffer.from('{"a":"é"}') },
];
const python = pythonWith('zipfile');

const program = `
import json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
print(json.dumps({name: archive.read(name).hex() for name in archive.namelist()}))`;

it.skipIf(python === null)('is what others read', () => {
  const file = join(temporaryDirectory(), 'a.zip');
  writeFileSync(file, encodeZip(files));
  const found = JSON.parse(runPython(python!, ['-c', program, file]).toString());
  expect(found).toEqual(Object.fromEntries(files.map(({ path, bytes }) => [path, bytes.toString('hex')])));
});

it('is the same for the same files', () => {
  expect(Buffer.compare(encodeZip(files), encodeZip(files))).toBe(0);
});
