// Which files of a repository make a model that restill opens: no more is fetched, and with less a snapshot
// is not complete.
import { RestillError } from '../errors.ts';
import { indexName, shardsOf } from '../tensor/sharded.ts';

const required = ['config.json', 'tokenizer.json'];
const welcome = ['tokenizer_config.json', 'special_tokens_map.json'];
const weightsName = 'model.safetensors';

/**
 * Those of a repository to fetch first. Where the last is an index, the files it names (`weightFiles`) come
 * after.
 *
 * @param listed names of all files of the repository, or of the snapshot.
 * @throws RestillError `MODEL_UNSUPPORTED` naming what the repository lacks.
 */
export function modelFiles(listed: readonly string[]): string[] {
  const has = (name: string): boolean => listed.includes(name);
  const lacking = required.filter((name) => !has(name));
  if (lacking.length > 0) throw lacks(lacking, 'restill opens models with a fast tokenizer only');
  const weights = [weightsName, indexName].find(has);
  if (weights === undefined)
    throw lacks([weightsName], "make one with transformers' save_pretrained and start from its directory");
  return [...required, ...welcome.filter(has), weights];
}

/**
 * The files that an index names, sorted.
 *
 * @param listed as above.
 * @throws RestillError `MODEL_DAMAGED` for an index that is none, or that names what is not there.
 */
export function weightFiles(index: string, listed: readonly string[]): string[] {
  const shards = shardsOf(index);
  const absent = shards.filter((name) => !listed.includes(name));
  if (absent.length === 0) return shards;
  throw new RestillError(
    'MODEL_DAMAGED',
    `${indexName} names ${absent.join(', ')}, which is not there; pull the model again, or use another`,
  );
}

export const isIndex = (file: string): boolean => file === indexName;

const lacks = (names: readonly string[], advice: string): RestillError =>
  new RestillError('MODEL_UNSUPPORTED', `it has no ${names.join(' and no ')}; ${advice}`);
