// What ingest must count in the ESCI recording, worked out from the definitions alone: plain loops over the
// whole file, in memory, sharing no code with src. test/streams/esci-counts.test.ts pins the figures and
// compares.
// usage: node scripts/expected-esci-counts.mjs [clicks.jsonl.gz]
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const minute = 60_000;
// The defaults of the configuration, repeated here on purpose.
const window = 30 * minute;
const disorderMax = 10_000;
const idleTimeout = 10 * minute;
const eventsPerMinuteMax = 30;

const shared = process.env.RESTILL_SHARED ?? fileURLToPath(new URL('../../shared', import.meta.url));
const file = process.argv[2] ?? `${shared}/data/esci/clicks.jsonl.gz`;
const lines = gunzipSync(readFileSync(file)).toString('utf8').split('\n');
const records = lines.filter((line) => line !== '').map((line) => JSON.parse(line));

// The order of a replay is (timestamp, partition, offset) with offset order kept inside a partition. A plain
// sort is that order only where no partition's timestamps go back.
records.sort((a, b) => a.ts - b.ts || a.partition - b.partition || a.offset - b.offset);
const lastOffset = new Map();
for (const { partition, offset } of records) {
  if (offset !== (lastOffset.get(partition) ?? -1) + 1)
    throw new Error(`partition ${partition} breaks at ${offset}`);
  lastOffset.set(partition, offset);
}

// ---------------------------------------------------------------- pass 1: what each record is

/** The event in a payload, or null if it is malformed. */
function read(payload) {
  let value;
  try {
    value = JSON.parse(payload);
  } catch {
    return null;
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return null;
  const texts = ['impression_id', 'session_id', 'user_id'];
  if (value.type === 'impression') texts.push('query');
  else if (value.type === 'click') texts.push('doc_id');
  else return null;
  if (!Number.isInteger(value.ts) || value.ts < 0) return null;
  if (!texts.every((name) => typeof value[name] === 'string')) return null;
  if (value.type === 'click') return value.dwell_ms == null || value.dwell_ms >= 0 ? value : null;
  const isResult = (r) =>
    Number.isInteger(r?.position) && [r.doc_id, r.title, r.summary].every((text) => typeof text === 'string');
  return Array.isArray(value.results) && value.results.every(isResult) ? value : null;
}

const events = [];
const malformedPayloads = {};
for (const record of records) {
  const event = read(record.payload);
  if (event !== null) events.push({ ...event, partition: record.partition, recordMs: record.ts });
  else malformedPayloads[record.payload] = (malformedPayloads[record.payload] ?? 0) + 1;
}
const impressions = events.filter((event) => event.type === 'impression');
const clicks = events.filter((event) => event.type === 'click');
const impressionOf = new Map(impressions.map((impression) => [impression.impression_id, impression]));

// ---------------------------------------------------------------- pass 2: what becomes of each event

// A bot: more than the allowed number of events within 60 s anywhere in its life, seen from outside of time.
const times = new Map();
for (const event of events) times.set(event.session_id, [...(times.get(event.session_id) ?? []), event.ts]);
const bots = new Set();
for (const [session, all] of times) {
  all.sort((a, b) => a - b);
  if (all.some((first, i) => all[i + eventsPerMinuteMax] - first < minute)) bots.add(session);
}

const isBot = (event) => bots.has(event.session_id);
// A click without an impression is an orphan even when it comes again: days later nobody remembers the first.
const orphans = clicks.filter((click) => !isBot(click) && !impressionOf.has(click.impression_id));
const keys = new Set();
let duplicates = impressions.length - impressionOf.size;
let duplicatesOfBots = 0;
for (const click of clicks) {
  if (!impressionOf.has(click.impression_id)) continue;
  const key = JSON.stringify([click.impression_id, click.doc_id, click.ts]);
  if (keys.has(key)) isBot(click) ? duplicatesOfBots++ : duplicates++;
  keys.add(key);
}

// Late: behind the newest event time that its partition has shown before, less the disorder allowed.
// After close: when the watermark of the impression's partition is past the impression's window.
let late = 0;
let afterClose = 0;
const newest = new Map();
for (const event of events) {
  const own = newest.get(event.partition) ?? Number.NEGATIVE_INFINITY;
  if (event.ts < own - disorderMax) late++;
  newest.set(event.partition, Math.max(own, Math.min(event.ts, event.recordMs)));
  const impression = event.type === 'click' ? impressionOf.get(event.impression_id) : undefined;
  if (impression === undefined || isBot(event)) continue;
  const watermark = Math.max(
    newest.get(impression.partition) - disorderMax,
    Math.max(...newest.values()) - idleTimeout,
  );
  if (watermark > impression.ts + window) afterClose++;
}

const clicked = new Set(clicks.filter((click) => !isBot(click)).map((click) => click.impression_id));
const clickedImpressions = impressions.filter((i) => !isBot(i) && clicked.has(i.impression_id)).length;
const impressionsOfPeople = impressions.filter((impression) => !isBot(impression)).length;

console.log(
  JSON.stringify(
    {
      records: records.length,
      events: events.length,
      malformed: records.length - events.length,
      malformedPayloads,
      impressions: impressions.length,
      clicks: clicks.length,
      late,
      duplicates,
      duplicatesOfBots,
      orphans: orphans.length,
      botSessions: [...bots],
      bots: events.filter(isBot).length,
      afterClose,
      clickedImpressions,
      unclicked: impressionsOfPeople - clickedImpressions,
    },
    null,
    2,
  ),
);
