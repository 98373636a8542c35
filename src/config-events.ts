// The `events` section of the configuration: which records are which event, and where in them things are.
// Mappings are data, so that a producer's format needs no code of ours. docs/mappings.md shows them.
import { z } from 'zod';
import type { Config } from './config.ts';
import { count, section } from './config-units.ts';
import { type JsonPath, parsePath } from './json-path.ts';

const pathText = (fits: (path: JsonPath) => boolean, expected: string) =>
  z.string().refine((text) => {
    const path = parsePath(text);
    return path !== null && fits(path);
  }, expected);

const path = () =>
  pathText(({ tail }) => tail === null, 'expected a path to one value, for example $.page.query');
const listPath = () =>
  pathText(({ tail }) => tail !== null, 'expected a path with one [*], for example $.results[*].id');

const scalar = z.union([z.string(), z.number(), z.boolean()]);

const when = z
  .strictObject({
    path: path(),
    is: z.array(scalar).min(1).nullable().default(null).describe('any of these; null: anything but null'),
  })
  .describe('records of this kind; where several kinds fit, the first of impression, click, document');

const time = z
  .strictObject({
    path: path(),
    format: z
      .enum(['ms', 's', 'iso', 'iso_or_ms'])
      .describe('since the epoch, or ISO 8601 (UTC where it names no zone)'),
  })
  .describe('when it happened');

const common = { when, time, impression_id: path(), session_id: path(), user_id: path() };

const impression = z.strictObject({
  ...common,
  query: path(),
  results: z
    .strictObject({
      document_id: listPath(),
      position: listPath().nullable().default(null).describe('counted from 1; null: as they stand'),
      title: listPath().nullable().default(null).describe('null: from the documents'),
      summary: listPath().nullable().default(null),
    })
    .describe('all through the same array'),
});

const click = z.strictObject({
  ...common,
  document_id: path(),
  dwell: z
    .strictObject({ path: path(), unit: z.enum(['ms', 's']) })
    .nullable()
    .default(null)
    .describe('until the user came back; null, or nothing there: unknown'),
});

const document = z.strictObject({
  when,
  document_id: path(),
  title: path(),
  summary: path().nullable().default(null),
});

const mapping = z.strictObject({
  impression,
  click,
  document: document.nullable().default(null).describe('null: texts are in the impressions'),
  others: z
    .enum(['dead_letter', 'ignore'])
    .default('dead_letter')
    .describe('what becomes of records that are of no kind'),
});

export const events = section({
  preset: z
    .enum(['native', 'ubi', 'own'])
    .default('native')
    .describe('ubi: OpenSearch User Behavior Insights 1.3; own: events.mapping'),
  mapping: mapping.nullable().default(null),
  documents_max: count(100_000).describe(
    'documents whose texts are held for impressions without; the one changed longest ago is forgotten first',
  ),
});

export type Mapping = NonNullable<Config['events']['mapping']>;

/** Relations between values, each with its reason. */
export function eventsRules({ preset, mapping: own }: Config['events']): (readonly [boolean, string])[] {
  return [
    [
      (preset === 'own') === (own !== null),
      'events.mapping and events.preset: own belong together: a preset brings its own mapping',
    ],
    ...(own === null ? [] : mappingRules(own)),
  ];
}

function mappingRules({
  impression: { results },
  document: documents,
}: Mapping): (readonly [boolean, string])[] {
  const { documentId, position, title, summary } = results;
  const paths = [documentId, position, title, summary].filter((text) => text !== null);
  const arrays = new Set(paths.map((text) => JSON.stringify(parsePath(text)?.head)));
  return [
    [arrays.size === 1, 'events.mapping.impression.results: all paths must go through the same array'],
    [
      title !== null || summary === null,
      'events.mapping.impression.results.summary needs a title: texts come from the page or from documents',
    ],
    [
      (title === null) === (documents !== null),
      'events.mapping.document and impression.results.title: give one of the two, the place of the texts',
    ],
  ];
}
