// Units, defaults, unknown keys, relations; digests change with what matters and with nothing else.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { configDigest, jsonSchema, parseConfig, streamsDigest } from '../src/config.ts';
import { RestillError } from '../src/errors.ts';

const problem = (input: unknown): string => {
  try {
    parseConfig(input);
  } catch (error) {
    expect(error).toBeInstanceOf(RestillError);
    expect((error as RestillError).code).toBe('CONFIG_INVALID');
    return (error as RestillError).message;
  }
  throw new Error('the configuration was accepted');
};

describe('the configuration', () => {
  it('has its schema in config/schema.json (npm run schema) and examples that fit it', () => {
    const file = (name: string): string =>
      readFileSync(new URL(`../config/${name}`, import.meta.url), 'utf8');
    expect(JSON.parse(file('schema.json'))).toEqual(JSON.parse(JSON.stringify(jsonSchema())));
    for (const example of ['demo.yaml', 'esci.yaml', 'service.yaml', 'serve.yaml', 'documents.yaml'])
      parseConfig(parse(file(example)));
  });

  it('turns units into milliseconds and bytes, and is frozen', () => {
    const config = parseConfig({ join: { window: '90s' }, records: { bytes_max: '64KiB' } });
    expect(config.join.window).toBe(90_000);
    expect(config.records.bytesMax).toBe(65_536);
    expect(Object.isFrozen(config.join)).toBe(true);
    expect(() => Object.assign(config.join, { window: 1 })).toThrow();
  });

  it('names every problem with its key', () => {
    const text = problem({ join: { window: 30 }, bots: { events_per_minute_max: -1 }, sead: 3 });
    expect(text).toContain('3 problem(s)');
    expect(text).toContain('join.window');
    expect(text).toContain('bots.events_per_minute_max');
    expect(text).toContain('sead');
  });

  it('refuses values that contradict each other, with the reason', () => {
    expect(problem({ student: { hidden: 130 } })).toContain('heads share it equally');
    expect(problem({ journal: { ring_max: 100 } })).toContain('wait for each other for ever');
    expect(problem({ serve: { documents_max: 3000 } })).toContain('never has room');
    expect(problem({ serve: { body_max: '1KiB' } })).toContain('never arrives');
  });

  it('refuses an adapter beside random weights, or of a rank that no module has', () => {
    const teacher = { start: '/a', hidden: 64, adapter: { rank: 64 } };
    expect(parseConfig({ teacher }).teacher.adapter?.rank).toBe(64);
    const refused = (change: object) => () => parseConfig({ teacher: { ...teacher, ...change } });
    expect(refused({ start: null })).toThrow(/teacher\.adapter needs teacher\.start/);
    expect(refused({ adapter: { rank: 65 } })).toThrow(/rank must be at most teacher\.hidden/);
  });

  it('refuses a patience with the trainer that never ends, or that shrinks', () => {
    expect(problem({ trainer: { restarts_window: '5m' } })).toContain('never given up');
    expect(problem({ trainer: { backoff_min: '2m' } })).toContain('the wait between restarts grows');
  });

  it('takes an empty file as all defaults', () => {
    expect(parseConfig(null)).toEqual(parseConfig({}));
  });

  it('digests what decides', () => {
    const base = parseConfig({});
    const other = (input: object): [boolean, boolean] => {
      const config = parseConfig(input);
      return [streamsDigest(config) !== streamsDigest(base), configDigest(config) !== configDigest(base)];
    };
    expect(other({ seed: 2 })).toEqual([true, true]);
    expect(other({ join: { window: '31m' } })).toEqual([true, true]);
    expect(other({ distill: { batch: 8 } })).toEqual([false, true]);
    expect(other({ pretrain: { accumulate: 2 } })).toEqual([false, true]);
    expect(other({ teacher: { recompute: true } })).toEqual([false, false]);
    expect(other({ trainer: { threads: 1 } })).toEqual([false, true]);
    expect(other({ trainer: { restarts_max: 1, backoff_min: '2s', restarts_window: '2h' } })).toEqual([
      false,
      false,
    ]);
    expect(other({ run: { drain_deadline: '1m' }, admin: { port: null } })).toEqual([false, false]);
    expect(other({ journal: { recent_max: 9 } })).toEqual([false, true]);
    expect(other({ journal: { when_full: 'shed', shed_above: 0.5, shed_keep: 0.5 } })).toEqual([
      false,
      false,
    ]);
    expect(other({ checkpoint: { keep: 9 } })).toEqual([false, false]);
    expect(other({ evaluation: { groups_max: 9 }, gate: { drop_max: 0.5 } })).toEqual([false, false]);
  });

  // Another value here: generations, or journals, of the version before are refused for good. If that is
  // meant, say so in a decision; if not, leave the new key out of the digest.
  it('digests what has not changed as earlier versions did', () => {
    const config = parseConfig({});
    expect(configDigest(config).slice(0, 16)).toBe('7e8ee457f69bf176');
    expect(streamsDigest(config).slice(0, 16)).toBe('1c2261e3c833fb7c');
  });
});
