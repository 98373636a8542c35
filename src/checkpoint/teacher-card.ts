// README.md of an exported teacher: what it is, how to load it, and what to write into it.
import { stringify } from 'yaml';
import type { Manifest } from '../contract.ts';

/** How a teacher is exported: all weights in one directory, or an adapter beside the model named. */
export type TeacherLayout =
  | { readonly kind: 'model' }
  | { readonly kind: 'adapter'; readonly base: string; readonly pad: number };

export function teacherCard({ id, lineage }: Manifest, layout: TeacherLayout): string {
  return `${header(layout)}
# restill teacher ${id}

The language model that graded documents for the student of the same generation: version
${lineage.teacherVersion}, of the topic ${lineage.topic.replace(/[|\r\n]/g, ' ')}.
It has learnt from clicks which document answers a query (the recipe of DisRanker, arXiv 2411.04539).

The input is \`query: {query}\\ntitle: {title}\\nsummary: {summary}\`, without a begin token, cut at the
document's end, with the end token (\`tokenizer.eos_token\`) after it. The output is one logit, read at that
token: higher is better, and only differences within one query count.

## How to load

\`\`\`python
${layout.kind === 'model' ? loadModel : loadAdapter(layout)}

text = "query: red running shoes\\ntitle: Trail runner\\nsummary: Light shoe with a grippy sole."
inputs = tokenizer(text + tokenizer.eos_token, add_special_tokens=False, return_tensors="pt")
score = model(**inputs).logits[0, 0]
\`\`\`

Check the files with \`sha256sum -c SHA256SUMS\`.
`;
}

function header(layout: TeacherLayout): string {
  const fields =
    layout.kind === 'model'
      ? { library_name: 'transformers', pipeline_tag: 'text-ranking', tags: ['text-ranking', 'restill'] }
      : {
          library_name: 'peft',
          base_model: layout.base,
          pipeline_tag: 'text-ranking',
          tags: ['lora', 'text-ranking', 'restill'],
        };
  return `---\n${stringify(fields)}---\n`;
}

const loadModel = `from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("path/to/this/directory")
model = AutoModelForSequenceClassification.from_pretrained("path/to/this/directory")`;

const loadAdapter = ({ base, pad }: { readonly base: string; readonly pad: number }): string =>
  `from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("path/to/this/directory")
# The score is read at the last token that is no pad, so the end token must not be the pad.
base = AutoModelForSequenceClassification.from_pretrained(
    ${JSON.stringify(base)}, num_labels=1, pad_token_id=${pad})
model = PeftModel.from_pretrained(base, "path/to/this/directory")`;
