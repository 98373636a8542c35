// Where the golden files of test/golden/make_parity.py lie.
import { fileURLToPath } from 'node:url';

export const goldenPath = (path: string): string =>
  fileURLToPath(new URL(`../golden/parity/${path}`, import.meta.url));
