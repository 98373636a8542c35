// Applies a unified diff by exact text: no fuzz, no offsets guessed. A hunk whose old text is not there
// exactly once is an error, because then the source is not the one that the patch was made for.
import { SetupError } from './native-plan.mjs';

/** The hunks of a unified diff, by the file that they change (`b/` taken off). */
export function parsePatch(patch) {
  const files = new Map();
  let hunks = [];
  let hunk = null;
  for (const line of patch.split('\n')) {
    if (line.startsWith('--- a/')) {
      hunk = null;
    } else if (line.startsWith('+++ b/')) {
      hunks = [];
      files.set(line.slice('+++ b/'.length), hunks);
    } else if (line.startsWith('@@ ')) {
      hunk = { before: [], after: [] };
      hunks.push(hunk);
    } else if (hunk && /^[ +-]/.test(line)) {
      if (!line.startsWith('+')) hunk.before.push(line.slice(1));
      if (!line.startsWith('-')) hunk.after.push(line.slice(1));
    }
  }
  return files;
}

/**
 * The text with the hunks of one file applied.
 *
 * @throws SetupError if the old text of a hunk is missing or there more than once.
 */
export function applyHunks(text, hunks, name) {
  return hunks.reduce((patched, hunk, index) => {
    const before = `${hunk.before.join('\n')}\n`;
    const found = patched.split(before).length - 1;
    if (found !== 1)
      throw new SetupError(
        `hunk ${index + 1} of the patch fits ${found} places of ${name}, not one: ` +
          'this is not the version of @tensorflow/tfjs-node-gpu that package.json pins. Run: npm ci',
      );
    return patched.replace(before, () => `${hunk.after.join('\n')}\n`);
  }, text);
}
