// restill evaluate: one generation's student against human judgments, beside the floors.
import type { Command } from 'commander';
import type { Config } from '../config.ts';
import type { Generation, GenerationStore } from '../contract.ts';
import { RestillError } from '../errors.ts';
import type { Quality } from '../protocol.ts';
import { startBackend } from '../tensor/backend.tf.ts';
import { floorsAndStudent, scoreSet } from '../trainer/evaluate.ts';
import { type EvaluationSet, judgedSet } from '../trainer/evaluation.ts';
import { formatTrecRun, type JudgedQuery } from '../trainer/judged.ts';
import type { Scorer } from '../trainer/score.ts';
import { readConfig, readStudent } from '../trainer/snapshot.tf.ts';
import { isFixedFile, openScorer } from '../trainer/workshop.tf.ts';
import { openNamed, openStoredGenerations, print, printJson } from './stored-generations.ts';
import { formatTable } from './table.ts';
import { isHeldOut, readJudged, writeText } from './text-files.ts';

interface Options {
  readonly generation: string;
  readonly data: string;
  readonly queries: string;
  readonly documents: string;
  readonly judgments: string;
  readonly run?: string;
  readonly json?: true;
}

export function addEvaluateCommand(program: Command): void {
  program
    .command('evaluate')
    .description("rank judged documents with a generation's student and compare with the floors")
    .option('--generation <id>', 'id such as g000001, or live, or latest', 'latest')
    .requiredOption('--data <dir>', 'the data directory of the run')
    .requiredOption('--queries <file>', 'JSON lines: query_id, query')
    .requiredOption('--documents <file>', 'JSON lines: doc_id, title, summary; may be gzipped')
    .requiredOption('--judgments <file>', 'TSV query_id, doc_id, grade; or TREC qrels')
    .option('--run <file>', 'also write the ranking as a TREC run')
    .option('--json', 'one JSON object instead of a table')
    .addHelpText('after', example)
    .action((options: Options, command: Command) => evaluate(options, command));
}

const example = `
Example:
  restill evaluate --data shop --queries queries.jsonl --documents documents.jsonl --judgments judgments.tsv`;

async function evaluate(options: Options, command: Command): Promise<void> {
  const judged = readJudged(options);
  const stored = await openStoredGenerations(options.data);
  const generation = await openNamed(stored, options.generation);
  const { scorer, config } = await openGenerationScorer(stored.store, generation);
  const holdout = (query: string): boolean => isHeldOut(query, config);
  const sets = {
    unseen: judgedSet(judged, holdout),
    seen: judgedSet(judged, (query) => !holdout(query)),
  };
  const results = Object.entries(sets)
    .filter(([, set]) => set.queries.length > 0)
    .map(([queries, set]) => ({ queries, rankers: floorsAndStudent(scorer, set) }));
  if (results.length === 0)
    throw new RestillError(
      'INPUT_UNREADABLE',
      'no query has a relevant judged document; nothing can be measured',
    );
  if (options.run) writeText(options.run, trecRun(scorer, judged, generation.manifest.id));
  scorer.student.dispose();
  if (options.json) return printJson(command, { generation: generation.manifest.id, results });
  print(command, `${generation.manifest.id}, judged queries; unseen ones were never trained on\n\n`);
  print(command, formatTable(columns, results.flatMap(rowsOf)));
}

const columns = [
  { title: 'queries' },
  { title: 'ranker' },
  ...['n', 'nDCG@5', 'nDCG@10', 'PNR', 'MRR'].map((title) => ({ title, right: true })),
];

const rowsOf = (result: { queries: string; rankers: Record<string, Quality> }): string[][] =>
  Object.entries(result.rankers).map(([ranker, q]) => [
    result.queries,
    ranker,
    String(q.queries),
    ...[q.ndcg5, q.ndcg10].map((value) => value.toFixed(3)),
    q.pnr.toFixed(2),
    q.mrr.toFixed(3),
  ]);

/** The caller disposes its student. */
export async function openGenerationScorer(
  store: GenerationStore,
  generation: Generation,
): Promise<{ scorer: Scorer; config: Config }> {
  const read = (path: string): Promise<Uint8Array> => store.read(generation, path);
  const config = await readConfig(read);
  const { threads, onednn } = config.trainer;
  const backend = await startBackend({ threads, oneDnn: onednn });
  const paths = generation.manifest.files.map((file) => file.path).filter(isFixedFile);
  const fixed = await Promise.all(paths.map(async (path) => ({ path, bytes: await read(path) })));
  return { scorer: openScorer(backend, config, fixed, await readStudent(read)), config };
}

function trecRun(scorer: Scorer, judged: readonly JudgedQuery[], tag: string): string {
  const set: EvaluationSet = {
    on: 'judgments',
    queries: judged.map((query) => ({ ...query, shown: null, weight: 1 })),
  };
  const scores = scoreSet(scorer, set);
  let at = 0;
  return judged
    .map(({ queryId, documents }) => {
      const ranked = documents.map(({ documentId }) => ({ documentId, score: scores[at++]! }));
      return formatTrecRun(queryId, ranked, `restill-${tag}`);
    })
    .join('');
}
