// The recipe: a restill configuration with the models to start from, and what the command line changes of it.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { withSizes } from '../../src/commands/start-models.ts';
import { type Config, parseConfig } from '../../src/config.ts';
import { RestillError } from '../../src/errors.ts';
import type { Options } from './options.ts';

/** @throws RestillError CONFIG_INVALID, USAGE */
export function readRecipe({ config: file, set, student, teacher }: Options): Config {
  const raw = parse(readFileSync(file, 'utf8')) as Record<string, Record<string, unknown>>;
  for (const change of set) apply(raw, change);
  raw.student = { ...raw.student, start: student };
  raw.teacher = { ...raw.teacher, start: teacher };
  // Folds take queries out; the stream's own holdout would take out more.
  raw.holdout = { share: 0 };
  return parseConfig(withSizes(raw));
}

/** `finetune.steps_max=100`; the value is yaml. */
function apply(raw: Record<string, Record<string, unknown> | unknown>, change: string): void {
  const match = /^(\w+)(?:\.(\w+))?=(.+)$/.exec(change);
  if (!match) throw new RestillError('USAGE', `--set is "${change}", expected section.key=value`);
  const [, section, key, value] = match;
  if (key === undefined) raw[section!] = parse(value!);
  else raw[section!] = { ...(raw[section!] as object | undefined), [key]: parse(value!) };
}
