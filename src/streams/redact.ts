// Values in queries that name a person: found by form, replaced by a placeholder that says what was there
// (promise 12).
//
// Not guaranteed: names, addresses and numbers in unusual forms pass. What protects against those is that a
// query is kept only after enough users issued it (privacy.ts). On the other side long digit runs go even
// where they are harmless, such as an article's bar code: nine digits or more are too often an account or a
// telephone.

export interface Redacted {
  readonly text: string;
  /** Values replaced. */
  readonly count: number;
}

interface Rule {
  readonly placeholder: string;
  readonly pattern: RegExp;
  /** Where in a match the value is, as a half-open range; null: there is none. */
  readonly find: (match: string) => Range | null;
}

type Range = readonly [from: number, to: number];

const all = (match: string): Range => [0, match.length];
const allIf =
  (holds: (match: string) => boolean) =>
  (match: string): Range | null =>
    holds(match) ? all(match) : null;

/** In one piece, or in groups of four. */
const ibans = new RegExp(
  '(?<![\\p{L}\\p{N}])[a-z]{2}\\d{2}' +
    '(?:[a-z0-9]{11,30}|(?: [a-z0-9]{4}){2,7}(?: [a-z0-9]{1,4})?)(?![\\p{L}\\p{N}])',
  'giu',
);

/** Strict forms before loose ones: a card number is a long digit run too. */
const rules: readonly Rule[] = [
  {
    placeholder: '<email>',
    pattern: /[\p{L}\p{N}._%+'-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63})+/gu,
    find: all,
  },
  {
    placeholder: '<iban>',
    pattern: ibans,
    find: findIban,
  },
  { placeholder: '<ip>', pattern: /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)/g, find: allIf(isIpv4) },
  {
    placeholder: '<ip>',
    pattern: /(?<![\p{L}\p{N}:])[0-9a-f:]*:[0-9a-f:]*:[0-9a-f:]*(?![\p{L}\p{N}])/giu,
    find: allIf(isIpv6),
  },
  { placeholder: '<card>', pattern: /(?<!\d)\d(?:[ -]?\d){12,40}(?!\d)/g, find: findCard },
  // International: a plus sign, then 8 to 15 digits.
  { placeholder: '<phone>', pattern: /\+\d(?:[ ().\-/]{0,2}\d){7,14}(?!\d)/g, find: all },
  // North American: 3-3-4 with separators.
  {
    placeholder: '<phone>',
    pattern: /(?<!\d)(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?!\d)/g,
    find: all,
  },
  // National elsewhere: a leading zero and 9 to 12 digits in groups of at least two, with a separator.
  {
    placeholder: '<phone>',
    pattern: /(?<!\d)\(?0\d+\)?(?:[ .\-/]\d{2,})+(?!\d)/g,
    find: allIf(isNational),
  },
  { placeholder: '<number>', pattern: /\d{9,}/g, find: all },
];

/** Replaces e-mail and IP addresses, IBANs, payment cards, telephone numbers and long runs of digits. */
export function redact(text: string): Redacted {
  // Every rule needs one of these; most queries have none.
  if (!/[@:]|\d\D{0,2}\d\D{0,2}\d/.test(text)) return { text, count: 0 };
  let count = 0;
  let redacted = text;
  for (const { pattern, placeholder, find } of rules)
    redacted = redacted.replace(pattern, (match) => {
      const range = find(match);
      if (range === null) return match;
      count++;
      return match.slice(0, range[0]) + placeholder + match.slice(range[1]);
    });
  return { text: redacted, count };
}

/** The first and longest run of whole digit groups that is a card; other numbers may stand beside it. */
function findCard(match: string): Range | null {
  const groups = [...match.matchAll(/\d+/g)].map(
    ({ index, 0: digits }) => [index, index + digits.length] as const,
  );
  for (const [from] of groups)
    for (const [, to] of groups.toReversed())
      if (to > from && isCard(match.slice(from, to))) return [from, to];
  return null;
}

/** 13 to 19 digits by Luhn's check: from the right, every second one doubled, the sum a multiple of ten. */
function isCard(text: string): boolean {
  const digits = text.replace(/\D/g, '');
  if (digits.length < 13 || digits.length > 19) return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0 && sum > 0;
}

/** The longest start of the match, ending at a blank or at its end, that is an IBAN; words may follow one. */
function findIban(match: string): Range | null {
  for (let to = match.length; to >= 15; to = match.lastIndexOf(' ', to - 1))
    if (isIban(match.slice(0, to))) return [0, to];
  return null;
}

/** ISO 13616: first four characters moved to the end, letters as 10 to 35, the remainder by 97 is 1. */
function isIban(text: string): boolean {
  const compact = text.replaceAll(' ', '');
  if (compact.length < 15 || compact.length > 34) return false;
  let remainder = 0;
  for (const character of compact.slice(4) + compact.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}

function isIpv4(match: string): boolean {
  return match.split('.').every((part) => Number(part) <= 255);
}

/** Eight groups of at most four hexadecimal digits, or fewer around one `::`. A time of day has neither. */
function isIpv6(match: string): boolean {
  const halves = match.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false;
  return halves.length === 2 ? groups.length >= 2 && groups.length <= 7 : groups.length === 8;
}

function isNational(match: string): boolean {
  const digits = match.replace(/\D/g, '').length;
  return digits >= 9 && digits <= 12;
}
