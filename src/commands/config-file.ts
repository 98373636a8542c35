// Reads a configuration file: yaml (or JSON, which is yaml), or the defaults when none is given.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { type Config, parseConfig } from '../config.ts';
import { RestillError } from '../errors.ts';
import { cachedStart, checkTokens, withSizes } from './start-models.ts';

export interface ConfigFile {
  readonly config: Config;
  /**
   * As written, with absolute paths (of `hf:` models too) and the sizes of given models: what the trainer
   * process parses again.
   */
  readonly raw: unknown;
}

/** @throws CONFIG_INVALID naming the file, for a missing file, bad yaml or a value out of its schema. */
export function readConfigFile(file: string | undefined): ConfigFile {
  if (file === undefined) return { config: parseConfig({}), raw: {} };
  try {
    const written: unknown = absolute(parse(readFileSync(file, 'utf8')), dirname(resolve(file)));
    const raw = withSizes(written);
    const config = parseConfig(raw);
    checkTokens(config);
    return { config, raw };
  } catch (error) {
    if (error instanceof RestillError && error.code !== 'CONFIG_INVALID') throw error; // a model's own
    const why = error instanceof Error ? error.message : String(error);
    throw new RestillError('CONFIG_INVALID', `${file}: ${why}`, { cause: error });
  }
}

const paths: readonly (readonly string[])[] = [
  ['vocabulary', 'path'],
  ['student', 'start'],
  ['teacher', 'start'],
  ['teacher', 'remote', 'token', 'file'],
  ['evaluation', 'queries'],
  ['evaluation', 'documents'],
  ['evaluation', 'judgments'],
  ['kafka', 'tls', 'ca'],
  ['kafka', 'tls', 'certificate'],
  ['kafka', 'tls', 'key', 'file'],
  ['kafka', 'sasl', 'password', 'file'],
  ['serve', 'token', 'file'],
];

/** Paths in a configuration are relative to the file that holds them, wherever restill is started. */
function absolute(raw: unknown, base: string): unknown {
  const copy: unknown = structuredClone(raw);
  for (const path of paths) {
    const key = path.at(-1)!;
    const section = path.slice(0, -1).reduce<unknown>((at, name) => childOf(at, name), copy);
    const value = childOf(section, key);
    if (typeof value !== 'string') continue;
    const found = (key === 'start' ? cachedStart(value) : null) ?? resolve(base, value);
    (section as Record<string, unknown>)[key] = found;
  }
  return copy;
}

const childOf = (parent: unknown, name: string): unknown =>
  typeof parent === 'object' && parent !== null ? (parent as Record<string, unknown>)[name] : undefined;
