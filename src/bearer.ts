// Whether a request brings the token that it needs: `Authorization: Bearer TOKEN`.
import { createHash, timingSafeEqual } from 'node:crypto';
import { assert } from './errors.ts';

/**
 * Digests are compared, all of their bytes, so that the time it takes tells neither how much of a guess is
 * right nor how long the token is.
 */
export function bearerCheck(token: string): (authorization: string | undefined) => boolean {
  assert(token !== '', 'an empty token would let everybody in');
  const expected = digest(token);
  return (authorization) => {
    const [, given] = /^Bearer +(\S.*)$/i.exec(authorization ?? '') ?? [];
    return given !== undefined && timingSafeEqual(digest(given), expected);
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
