// Numbers, times and names as people read them.

const group = new Intl.NumberFormat('en');

/** @param {number | null | undefined} value */
export const count = (value) => (value == null ? '–' : group.format(Math.round(value)));

/** @param {number | null | undefined} value @param {number} [digits] */
export const figure = (value, digits = 3) =>
  value == null || !Number.isFinite(value) ? '–' : value.toFixed(digits);

/**
 * With its sign: a true minus, so that columns line up.
 *
 * @param {number | null} value @param {number} [digits]
 */
export const signed = (value, digits = 3) => {
  if (value === null) return '–';
  const shown = Math.abs(value).toFixed(digits);
  const sign = Number(shown) === 0 ? '±' : value < 0 ? '−' : '+';
  return `${sign}${shown}`;
};

/** @param {number} value */
export const bytes = (value) => {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(value, 1)) / 10));
  return `${(value / 1024 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
};

/** The two largest units: `2 d 4 h`, `3 min 20 s`. @param {number | null | undefined} ms */
export const span = (ms) => {
  if (ms == null) return '–';
  let rest = Math.max(0, Math.round(ms / 1000));
  /** @type {[string, number][]} */
  const units = [
    ['d', 86400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ];
  const parts = [];
  for (const [name, seconds] of units) {
    const whole = Math.floor(rest / seconds);
    rest -= whole * seconds;
    if (whole > 0) parts.push(`${whole} ${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ') || '0 s';
};

/** UTC, to the minute. @param {number | null | undefined} ms */
export const time = (ms) =>
  ms == null ? '–' : `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** @param {string} digest */
export const short = (digest) => digest.slice(0, 12);

/** Rankers, places and measures by the names in the metrics. */
export const words = /** @type {Record<string, string>} */ ({
  student: 'student',
  teacher: 'teacher',
  bm25: 'BM25',
  shown: 'order shown',
  random: 'random order',
  judgments: 'judged queries',
  clicks: 'held-out clicks',
  prequential: 'new clicks, before learnt',
  anchor: 'anchor queries',
  ndcg10: 'nDCG@10',
  pnr: 'PNR',
  mrr: 'MRR',
});

/** `candidateNdcg10` -> `candidate nDCG@10`. @param {string} name */
export const spoken = (name) =>
  name
    .replace(/Ndcg(\d+)/g, ' nDCG@$1')
    .replace(/\bndcg(\d+)/g, 'nDCG@$1')
    .replace(/Pnr/g, ' PNR')
    .replace(/[._]/g, ' ')
    .replace(/([a-z\d])([A-Z])(?=[a-z])/g, (_, before, letter) => `${before} ${letter.toLowerCase()}`)
    .replace(/\s+/g, ' ')
    .trim();
