// README.md of an exported student: the YAML header that the Hugging Face hub reads, where the model comes
// from, and how to load it. Field names follow what sentence-transformers writes for a cross-encoder.
import { stringify } from 'yaml';
import type { Manifest } from '../contract.ts';
import type { Bundle, Format } from './bundle.ts';

/** What the card says about the model itself, from its config.json and tokenizer_config.json. */
export interface StudentShape {
  readonly layers: number;
  readonly hidden: number;
  readonly vocabulary: number;
  /** Longest sequence it was made for: query and document together. */
  readonly tokensMax: number;
}

/** What the card says about the form in which the model comes. */
type CardBundle = Pick<Bundle, 'format' | 'cost'>;

interface CardInput extends StudentShape {
  readonly manifest: Manifest;
}

/** @param bundle what of it was exported and how; by default its Hugging Face directory as it is. */
export function modelCard(manifest: Manifest, shape: StudentShape, bundle?: CardBundle): string {
  const input = { manifest, ...shape };
  const { format = 'hf', cost = {} } = bundle ?? {};
  const sections = [
    header(manifest),
    introduction(input),
    format === 'hf' ? usage(input) : usageOf[format],
    origin(manifest),
    eightBits(cost),
  ];
  const metrics = metricsTable(manifest);
  return [...sections, metrics].filter((section) => section !== '').join('\n');
}

function header(manifest: Manifest): string {
  const fields = {
    library_name: 'sentence-transformers',
    pipeline_tag: 'text-ranking',
    tags: ['sentence-transformers', 'cross-encoder', 'text-ranking', 'transformers', 'restill'],
    ...modelIndex(manifest),
  };
  return `---\n${stringify(fields)}---\n`;
}

/** The hub's table of results. Absent where holdout quality was not measured. */
function modelIndex({ id, lineage, metrics }: Manifest): object {
  const value = metrics['holdout.ndcg10'];
  if (value === undefined) return {};
  const dataset = { type: 'clicks', name: `holdout queries of the topic ${lineage.topic}` };
  const result = {
    task: { type: 'text-ranking', name: 'Text ranking' },
    dataset,
    metrics: [{ type: 'ndcg_at_10', name: 'nDCG@10', value }],
  };
  return { 'model-index': [{ name: `restill student ${id}`, results: [result] }] };
}

const introduction = ({ manifest, layers, hidden, vocabulary, tokensMax }: CardInput): string => `
# restill student ${manifest.id}

A BERT cross-encoder that scores how well a document answers a search query: ${layers} layers,
${hidden} wide, a vocabulary of ${thousands(vocabulary)}. It was distilled by restill from a language
model that had learnt from clicks (the recipe of DisRanker, arXiv 2411.04539).

The input is the pair (query, title and summary joined by a space), cut to ${tokensMax} tokens from the
document's end, the query never (\`only_second\`). Most clients cut the longer text first, so a query of more
than half that length too, and no file of a model tells them otherwise: say it in the call.

The output is one logit: higher is better, and only the order within one query counts.
`;

const usage = ({ tokensMax }: CardInput): string => `
## How to load

\`\`\`python
from sentence_transformers import CrossEncoder

model = CrossEncoder("path/to/this/directory", max_length=${tokensMax})
pairs = [("red running shoes", "Trail runner. Light shoe with a grippy sole.")]
scores = model.predict(pairs, processing_kwargs={"text": {"truncation": "only_second"}})
\`\`\`

\`\`\`python
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("path/to/this/directory")
model = AutoModelForSequenceClassification.from_pretrained("path/to/this/directory")
pair = ("red running shoes", "Trail runner. Light shoe with a grippy sole.")
inputs = tokenizer(*pair, truncation="only_second", max_length=${tokensMax}, return_tensors="pt")
score = model(**inputs).logits[0, 0]
\`\`\`

Check the files with \`sha256sum -c SHA256SUMS\`.
`;

const usageOf: Readonly<Record<Exclude<Format, 'hf'>, string>> = {
  onnx: `
## How to load

\`onnx/model.onnx\` takes int64 \`input_ids\`, \`attention_mask\` and \`token_type_ids\`, each
[batch, sequence], and gives float32 \`logits\` [batch, 1]. The directory loads in Text Embeddings
Inference and transformers.js as it is.

\`\`\`python
session = onnxruntime.InferenceSession("path/to/this/directory/onnx/model.onnx")
\`\`\`
`,
  triton: `
## How to load

This directory is one version of a model of Triton's repository; \`config.pbtxt\` stands beside it.
\`POST v2/models/MODEL/infer\` takes int64 \`input_ids\`, \`attention_mask\` and
\`token_type_ids\`, each [batch, sequence], and gives float32 \`logits\` [batch, 1].
`,
  tfserving: `
## How to load

This directory is one version of a model of TensorFlow Serving: its signature \`serving_default\` takes int64
\`input_ids\`, \`attention_mask\` and \`token_type_ids\`, each [batch, sequence], and gives float32 \`logits\`
[batch, 1].

\`\`\`python
score = tensorflow.saved_model.load("path/to/this/directory").signatures["serving_default"]
\`\`\`
`,
  opensearch: `
## How to load

Put \`model.zip\` where the cluster can fetch it, its address into \`url\` of \`register.json\`, and send
that to \`POST _plugins/_ml/models/_register\`; then \`_deploy\`. The scores are raw logits.
`,
};

function eightBits(cost: Readonly<Record<string, number>>): string {
  const lines = Object.entries(cost).map(([name, value]) => `| ${name} | ${round(value)} |`);
  if (lines.length === 0) return '';
  return `\n## What 8 bits cost\n\n| measure | value |\n| --- | --- |\n${lines.join('\n')}\n`;
}

function origin(manifest: Manifest): string {
  const { lineage } = manifest;
  const offsets = Object.entries(lineage.offsets)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([partition, offset]) => `${cell(partition)}: ${offset}`);
  return `
## Where it comes from

| | |
| --- | --- |
| generation | ${manifest.id}, after ${manifest.parent ?? 'none'} |
| made | ${manifest.createdAt} |
| topic | ${cell(lineage.topic)} |
| events | ${date(lineage.eventTimeMs.from)} to ${date(lineage.eventTimeMs.to)} |
| next offsets | ${offsets.join(', ') || 'none'} |
| groups learnt | ${thousands(lineage.cursor)} |
| replayed from the past | ${Math.round(lineage.replayShare * 100)} % of each batch |
| teacher version | ${lineage.teacherVersion} |
| gate | ${manifest.gate.decision}, ${cell(manifest.gate.reason)} |
| config digest | \`${manifest.configDigest}\` |
| weights SHA-256 | \`${manifest.weightsSha256.student}\` |
`;
}

function metricsTable({ metrics }: Manifest): string {
  const rows = Object.entries(metrics).sort(([a], [b]) => (a < b ? -1 : 1));
  if (rows.length === 0) return '';
  const lines = rows.map(([name, value]) => `| ${cell(name)} | ${round(value)} |`);
  return `\n## Metrics\n\n| metric | value |\n| --- | --- |\n${lines.join('\n')}\n`;
}

/** A topic may be named almost anything; the table must survive it. */
const cell = (text: string): string => text.replace(/[|\r\n]/g, ' ');

const thousands = (count: number): string => count.toLocaleString('en-US');

/** Four decimals at most, without trailing zeros. */
const round = (value: number): string => String(Math.round(value * 1e4) / 1e4);

/** Beyond what a Date can hold (a broken clock in the events) the number itself. */
const date = (ms: number): string => (Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`);
