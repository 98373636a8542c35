// Invariants: an ETag becomes the name of a blob or is refused; a hash in it is compared with, whichever of
// the two it is. Known values: `git hash-object` of "hello\n", and sha256sum of it.
import { expect, it } from 'vitest';
import { blobName, contentCheck } from '../../src/hub/etag.ts';

const git = 'ce013625030ba8dba906f756967f9e9ca394464a';
const sha256 = '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03';

it.each([`"${git}"`, `W/"${git}"`, git])('reads %s', (header) => {
  expect(blobName(header, 'f')).toBe(git);
});

it.each([null, '', '""', '"../../x"', '"a/b/c/d/e"', '".hidden"', '"a b c d e f"', `"${'a'.repeat(200)}"`])(
  'refuses %j',
  (header) => {
    expect(() => blobName(header, 'f')).toThrow(expect.objectContaining({ code: 'HUB_REFUSED' }));
  },
);

it.each([git, sha256])('checks %s', (name) => {
  const matches = (text: string): boolean => {
    const check = contentCheck(name, text.length);
    for (const letter of text) check.update(Buffer.from(letter));
    return check.matches();
  };
  expect(matches('hello\n')).toBe(true);
  expect(matches('hallo\n')).toBe(false);
});

it('has nothing to compare with in another name', () => {
  expect(contentCheck('d41d8cd9-1', 3).matches()).toBe(true);
});
