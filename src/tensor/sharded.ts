// A model in several safetensors files and an index of them, model.safetensors.index.json, read as if it were
// one file.
//
// Invariant: every tensor of every file stands in the index, under that file, and the other way round.
import { RestillError } from '../errors.ts';
import type { SafetensorsFile, TensorEntry } from './safetensors.ts';

export const indexName = 'model.safetensors.index.json';

/**
 * @param index text of the index.
 * @param open a file of the same directory, by its name.
 * @returns entries whose `begin` and `end` count in the tensor's own file.
 * @throws RestillError `MODEL_DAMAGED` naming the tensor or the file; what `open` throws.
 */
export function openSharded(index: string, open: (file: string) => SafetensorsFile): SafetensorsFile {
  const places = parseIndex(index);
  const files = new Map([...new Set(places.values())].sort().map((name) => [name, open(name)]));
  const entries = new Map<string, TensorEntry>();
  for (const [name, { entries: inFile }] of files)
    for (const [tensor, entry] of inFile) {
      const place = places.get(tensor);
      if (place !== name)
        throw damaged(
          `${name} has tensor ${tensor}, which the index has ${place ? `in ${place}` : 'nowhere'}`,
        );
      entries.set(tensor, entry);
    }
  for (const [tensor, name] of places)
    if (!entries.has(tensor)) throw damaged(`tensor ${tensor} is not in ${name}`);
  return {
    metadata: {},
    entries,
    readTensor: (tensor) => {
      const file = files.get(places.get(tensor) ?? '');
      if (file === undefined) throw damaged(`there is no tensor ${tensor} among its ${entries.size}`);
      return file.readTensor(tensor);
    },
  };
}

/**
 * Names of the files that an index speaks of, sorted; each is a plain name in the index's own directory.
 *
 * @throws RestillError `MODEL_DAMAGED`.
 */
export const shardsOf = (index: string): string[] => [...new Set(parseIndex(index).values())].sort();

function parseIndex(text: string): Map<string, string> {
  let index: unknown;
  try {
    index = JSON.parse(text);
  } catch (error) {
    throw damaged('it is not JSON', error);
  }
  const map = isRecord(index) ? index.weight_map : undefined;
  if (!isRecord(map)) throw damaged('it has no weight_map');
  return new Map(
    Object.entries(map).map(([tensor, file]) => {
      // A plain name: an index must not reach out of its directory.
      if (typeof file !== 'string' || !/^[^/\\]+\.safetensors$/.test(file))
        throw damaged(
          `tensor ${tensor} is in ${JSON.stringify(file)}, which is no safetensors file beside it`,
        );
      return [tensor, file];
    }),
  );
}

const damaged = (what: string, cause?: unknown): RestillError =>
  new RestillError('MODEL_DAMAGED', `${indexName}: ${what}; fetch or export it again`, { cause });

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
