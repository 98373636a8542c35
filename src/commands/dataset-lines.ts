// What a group teaches, as lines of a data set for training a teacher elsewhere. Holdout groups have no lines
// (promise 7).
import type { Group, GroupResult } from '../contract.ts';
import { decoderTexts, documentText } from '../tensor/texts.ts';

/** For continued pre-training: what was clicked, after the prompt that restill's own teacher gets. */
export function pairLines(group: Group): string[] {
  if (group.holdout) return [];
  return group.pairs.map((index) => {
    const result = resultOf(group, index);
    const { head, query, tail, document } = decoderTexts(group.query, result);
    return lineOf({
      prompt: `${head}${query}${tail}`,
      completion: document,
      query: group.query,
      title: result.title,
      summary: result.summary,
      document_id: result.documentId,
      ...placeOf(group),
    });
  });
}

/** For rank fine-tuning: of two documents of a page, which one clicks say is better. */
export function preferenceLines(group: Group): string[] {
  if (group.holdout) return [];
  return group.preferences.map(({ better, worse, weight }) => {
    const [positive, negative] = [resultOf(group, better), resultOf(group, worse)];
    return lineOf({
      query: group.query,
      positive: documentText(positive),
      negative: documentText(negative),
      weight,
      positive_id: positive.documentId,
      negative_id: negative.documentId,
      ...placeOf(group),
    });
  });
}

const resultOf = (group: Group, index: number): GroupResult => group.results[index]!;

const placeOf = ({ sequence, timeMs }: Group) => ({ group: sequence, time_ms: timeMs });

const lineOf = (fields: object): string => `${JSON.stringify(fields)}\n`;

export interface DatasetFacts {
  readonly topic: string | null;
  readonly contentHash: string;
  readonly groups: number;
  readonly heldOut: number;
  readonly pairs: number;
  readonly preferences: number;
}

/** The README.md of a data set. No date: the same journal makes the same bytes. */
export const datasetReadme = (facts: DatasetFacts): string => `# A data set of clicks, by restill

| | |
| --- | --- |
| topic | ${facts.topic ?? '(none yet)'} |
| groups | ${facts.groups} |
| held out, not in here | ${facts.heldOut} |
| pairs | ${facts.pairs} |
| preferences | ${facts.preferences} |
| journal | SHA-256 chain ${facts.contentHash} |

What the journal held: its newest groups, and a uniform sample of the older ones. Queries are as the
journal has them: personal data redacted, and only queries that enough users have issued. Holdout queries
are left out, so that what a teacher learns from this can be measured on them. \`group\` is the position
in the journal, \`time_ms\` when the page was shown. JSON lines, UTF-8, in the order of the journal, in
files of up to 5,000 groups; \`sha256sum -c SHA256SUMS\` checks them.

## pairs/*.jsonl: continued pre-training

One satisfied click: \`prompt\` and \`completion\`, and their parts \`query\`, \`title\`, \`summary\`. The
loss is on the completion only, and the end token follows it. The columns are those of TRL's
prompt-completion format:

    from datasets import load_dataset
    pairs = load_dataset("json", data_files="pairs/*.jsonl", split="train")

## preferences/*.jsonl: rank fine-tuning

\`positive\` was clicked and \`negative\` passed over, on one page for \`query\`. \`weight\` is the
inverse propensity of the position of the positive one, clipped: multiply the pair's loss by it. A
document is its title and summary with a space between, as it is passed to a scoring server. For
sentence-transformers the order of the columns counts:

    preferences = load_dataset("json", data_files="preferences/*.jsonl", split="train")
    triplets = preferences.select_columns(["query", "positive", "negative"])
`;
