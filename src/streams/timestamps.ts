// Times as producers write them -> milliseconds since the epoch. Date.parse is not used: it takes a text
// without a zone for local time, so that the same record would mean another time on another machine.

export type TimeFormat = 'ms' | 's' | 'iso' | 'iso_or_ms';

export const timeFormats: Readonly<Record<TimeFormat, string>> = {
  ms: 'whole milliseconds since the epoch',
  s: 'seconds since the epoch',
  iso: 'an ISO 8601 date and time',
  iso_or_ms: 'an ISO 8601 date and time, or whole milliseconds since the epoch',
};

/** Null for a value that is no such time, or one before 1970. */
export function timeMsOf(value: unknown, format: TimeFormat): number | null {
  const ms = unboundedMs(value, format);
  return ms !== null && Number.isSafeInteger(ms) && ms >= 0 ? ms : null;
}

function unboundedMs(value: unknown, format: TimeFormat): number | null {
  if (typeof value === 'string' && (format === 'iso' || format === 'iso_or_ms')) return isoMs(value);
  if (typeof value !== 'number' || format === 'iso') return null;
  return format === 's' ? Math.round(value * 1000) : value;
}

const day = String.raw`(\d{4})-(\d\d)-(\d\d)`;
const clock = String.raw`(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?`;
const zone = String.raw`(?:Z|([+-])(\d\d):?(\d\d)?)?`;
const isoPattern = new RegExp(`^${day}[T ]${clock}${zone}$`, 'i');

/** UTC where no zone is named. Digits beyond milliseconds are cut off. No leap seconds. */
function isoMs(text: string): number | null {
  const match = isoPattern.exec(text);
  if (match === null) return null;
  const part = (at: number): number => Number(match[at] ?? 0);
  const [year, month, date, hour, minute, second] = [1, 2, 3, 4, 5, 6].map(part) as Parts;
  if (hour > 23 || minute > 59 || second > 59 || part(9) > 23 || part(10) > 59) return null;
  const midnight = new Date(Date.UTC(year, month - 1, date));
  // 31 April would roll over into May, and the year 71 into 1971.
  const is = [midnight.getUTCFullYear(), midnight.getUTCMonth() + 1, midnight.getUTCDate()];
  if (is[0] !== year || is[1] !== month || is[2] !== date) return null;
  const ms = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  const aheadMinutes = (match[8] === '-' ? -1 : 1) * (part(9) * 60 + part(10));
  return midnight.getTime() + ((hour * 60 + minute - aheadMinutes) * 60 + second) * 1000 + ms;
}

type Parts = [year: number, month: number, date: number, hour: number, minute: number, second: number];
