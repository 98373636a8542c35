// The `events` section: what is refused and why, that it is part of what a journal is bound to, and that
// docs/mappings.md tells the truth: its own mappings fit, and the one that spells out `ubi` is the preset.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { configDigest, parseConfig, streamsDigest } from '../src/config.ts';
import { mappingOf } from '../src/streams/presets.ts';

const time = { path: '$.ts', format: 'ms' };
const when = { path: '$.type', is: ['click'] };
const common = { when, time, impression_id: '$.i', session_id: '$.s', user_id: '$.u' };
const results = { document_id: '$.r[*].id', title: '$.r[*].t', summary: '$.r[*].s' };
const impression = { ...common, query: '$.q', results };
const click = { ...common, document_id: '$.d' };
const document = { when, document_id: '$.id', title: '$.t' };
const mapping = { impression, click };
const withResults = (change: object): object => ({
  ...mapping,
  impression: { ...impression, results: { ...results, ...change } },
});

const parsed = (own: object) => parseConfig({ events: { preset: 'own', mapping: own } });

describe('events', () => {
  test('defaults: native, dead letters for what is of no kind', () => {
    expect(parseConfig({}).events).toEqual({ preset: 'native', mapping: null, documentsMax: 100_000 });
    expect(parsed(mapping).events.mapping).toMatchObject({ others: 'dead_letter', document: null });
  });

  test.each([
    [{ preset: 'own' }, 'events.preset: own belong together'],
    [{ preset: 'ubi', mapping }, 'events.preset: own belong together'],
    [{ preset: 'matomo' }, 'events.preset: Invalid option'],
  ])('%j is refused', (events, message) => expect(() => parseConfig({ events })).toThrow(message));

  const oneValue = 'expected a path to one value, for example $.page.query';
  test.each([
    [{ ...mapping, click: { ...click, document_id: 'd' } }, `events.mapping.click.document_id: ${oneValue}`],
    [{ ...mapping, click: { ...click, user_id: '$.u[*]' } }, `events.mapping.click.user_id: ${oneValue}`],
    [withResults({ document_id: '$.r' }), 'expected a path with one [*]'],
    [withResults({ title: '$.other[*].t' }), 'all paths must go through the same array'],
    [withResults({ title: null }), 'summary needs a title'],
    [withResults({ title: null, summary: null }), 'give one of the two'],
    [{ ...mapping, document }, 'give one of the two'],
    [{ ...mapping, clicks: click }, 'Unrecognized key'],
    [{ ...mapping, click: { ...click, when: { ...when, is: [] } } }, 'events.mapping.click.when.is'],
    [{ ...mapping, click: { ...click, time: '$.ts' } }, 'events.mapping.click.time'],
  ])('%j is refused', (own, message) => expect(() => parsed(own)).toThrow(message));

  test('another mapping is another journal, and other weights', () => {
    const configs = [
      parseConfig({}),
      parseConfig({ events: { preset: 'ubi' } }),
      parseConfig({ events: { documents_max: 7 } }),
      parsed(mapping),
      parsed(withResults({ summary: '$.r[*].text' })),
    ];
    expect(new Set(configs.map(streamsDigest)).size).toBe(configs.length);
    expect(new Set(configs.map(configDigest)).size).toBe(configs.length);
  });
});

describe('docs/mappings.md', () => {
  const text = readFileSync(new URL('../docs/mappings.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => parseConfig(parse(yaml!)));

  test('every example is a configuration that fits', () => expect(blocks.length).toBeGreaterThan(2));

  test('one of them is the preset ubi, spelt out', () => {
    const own = blocks.map(({ events }) => events.mapping);
    const ubi = mappingOf(parseConfig({ events: { preset: 'ubi' } }).events);
    expect(own).toContainEqual(ubi);
  });
});
