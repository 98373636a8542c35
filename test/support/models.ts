// Real weights, which are never committed: RESTILL_MODELS names a folder of Hugging Face directories. Tests
// skip in one line where it is absent; CI fails instead.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.env.RESTILL_MODELS ?? '';

/** The directory of a model such as `minilm-l6`, or null. In CI absence is an error. */
export function realModel(name: string): string | null {
  const directory = join(folder, name);
  if (folder !== '' && existsSync(join(directory, 'config.json'))) return directory;
  const message = `real weights of ${name} are absent (set RESTILL_MODELS to the folder that holds them)`;
  if (process.env.CI) throw new Error(message);
  console.warn(`skipped: ${message}`);
  return null;
}
