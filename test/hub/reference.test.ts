// Invariants:
// - ORG/NAME, NAME and @REV are read, `main` being the default; what could be a path trick is refused
// - whatever passes stays below the folder that it is joined to
import { join, normalize } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  cacheFolder,
  isCommit,
  isPlainPath,
  parseReference,
  referenceText,
  startReference,
} from '../../src/hub/reference.ts';

it.each([
  ['org/model', 'org/model', 'main', 'models--org--model'],
  ['bert-base-uncased', 'bert-base-uncased', 'main', 'models--bert-base-uncased'],
  [
    'HuggingFaceTB/SmolLM2-135M@v1.0',
    'HuggingFaceTB/SmolLM2-135M',
    'v1.0',
    'models--HuggingFaceTB--SmolLM2-135M',
  ],
  ['org/model@refs/pr/1', 'org/model', 'refs/pr/1', 'models--org--model'],
])('reads %s', (text, repository, revision, folder) => {
  const reference = parseReference(text);
  expect(reference).toEqual({ repository, revision });
  expect(cacheFolder(reference)).toBe(folder);
  expect(referenceText(reference)).toBe(text);
  expect(startReference(`hf:${text}`)).toEqual(reference);
  expect(startReference(`models/${text}`)).toBeNull();
});

it.each([
  '',
  '/',
  'a/b/c',
  '../x',
  'a/..',
  'a/.b',
  'a--b/c',
  'a/b..c',
  'a/b@',
  'a/b@../x',
  'a/b@x/../y',
  'a/b@.git',
])('refuses %j', (text) => {
  expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

it('a plain path stays below its folder', () => {
  const pieces = fc.constantFrom('..', '.', '/', '\\', 'a', '-', '_', '\0', 'b.c', ' ');
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
      const path = parts.join('');
      if (!isPlainPath(path)) return;
      expect(normalize(join('/cache', path))).toBe(`/cache/${path}`);
      expect(path).toMatch(/^[\w./-]+$/);
    }),
  );
  expect(isPlainPath('onnx/model.onnx')).toBe(true);
});

it('a commit is 40 hexadecimal digits', () => {
  expect(['a'.repeat(40), 'A'.repeat(40), 'a'.repeat(39), `${'a'.repeat(40)}\n`].map(isCommit)).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
