// How a query and a document become text. In one place, because training, scoring, serving and the exported
// golden vectors must see the same characters.
import type { Document } from '../contract.ts';

/** The document's side of a BERT pair, as a server passes it: title and summary, one space between. */
export const documentText = ({ title, summary }: Document): string =>
  [title.trim(), summary.trim()].filter((text) => text !== '').join(' ');

/**
 * What the decoder reads: `query: {q}\ntitle: {t}\nsummary: {s}`, in pieces. `head + query + tail` is the
 * prompt, `document` is what should follow it. The pieces meet where byte-level tokenizers split anyway
 * (before a space or a line feed), so that encoding them one by one gives the tokens of the whole.
 */
export const decoderTexts = (query: string, { title, summary }: Document): Readonly<DecoderTexts> => ({
  head: 'query:',
  query: ` ${query.trim()}`,
  tail: '\ntitle:',
  document: ` ${title.trim()}\nsummary: ${summary.trim()}`,
});

export interface DecoderTexts {
  head: string;
  query: string;
  tail: string;
  document: string;
}
