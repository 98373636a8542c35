// restill generations diff: how two generations differ, and with --scores how their students rank.
import type { Command } from 'commander';
import { goldenTexts, vocabularyWords } from '../checkpoint/golden-texts.ts';
import type { Generation, Manifest } from '../contract.ts';
import { agreement } from '../trainer/agreement.ts';
import { studentScores } from '../trainer/score.ts';
import { openGenerationScorer } from './evaluate.ts';
import {
  type DataOptions,
  openNamed,
  openStoredGenerations,
  print,
  printJson,
  type StoredGenerations,
  withDataOptions,
} from './stored-generations.ts';
import { formatTable, shortTime } from './table.ts';

interface DiffOptions extends DataOptions {
  readonly scores?: true;
}

export function addDiffCommand(generations: Command): void {
  withDataOptions(
    generations
      .command('diff')
      .description('how two generations differ: config, lineage, metrics, gate, weights')
      .argument('<a>', 'id such as g000001, or live, or latest')
      .argument('<b>', 'the same'),
  )
    .option('--scores', 'also score made-up texts with both students (needs TensorFlow)')
    .action((a: string, b: string, options: DiffOptions, command: Command) => diff([a, b], options, command));
}

async function diff(names: [string, string], options: DiffOptions, command: Command): Promise<void> {
  const stored = await openStoredGenerations(options.data);
  const a = await openNamed(stored, names[0]);
  const b = await openNamed(stored, names[1]);
  const scores = options.scores ? await compareScores(stored, a, b) : null;
  const rows = difference(a.manifest, b.manifest);
  if (options.json) return printJson(command, { a: a.manifest.id, b: b.manifest.id, rows, scores });
  const columns = ['', a.manifest.id, b.manifest.id, 'change'].map((title, i) => ({ title, right: i > 0 }));
  const cell = (value: number | string | null): string =>
    value === null ? '-' : typeof value === 'number' ? String(Math.round(value * 1e4) / 1e4) : value;
  const table = rows.map((row) => [row.name, cell(row.a), cell(row.b), cell(row.change)]);
  print(command, formatTable(columns, table));
  if (scores === null) return;
  print(
    command,
    `\nscores of ${scores.texts} made-up texts: ${scores.meanDifference.toFixed(4)} logits apart on ` +
      `average, ${scores.maxDifference.toFixed(4)} at most; ` +
      `Kendall's tau ${scores.agreement?.toFixed(3) ?? '-'}\n`,
  );
}

interface Row {
  readonly name: string;
  readonly a: number | string | null;
  readonly b: number | string | null;
  /** b - a of numbers; else `same` or `other`. */
  readonly change: number | string | null;
}

/** What stands in both manifests, side by side. Only the figures of rankers that matter to the gate. */
function difference(a: Manifest, b: Manifest): Row[] {
  const row = (name: string, of: (manifest: Manifest) => number | string | null): Row => {
    const [x, y] = [of(a), of(b)];
    const change =
      typeof x === 'number' && typeof y === 'number'
        ? y - x
        : x === null || y === null
          ? null
          : sameness(x, y);
    return { name, a: x, b: y, change };
  };
  const partitions = namesOf(a.lineage.offsets, b.lineage.offsets);
  const metrics = namesOf(a.metrics, b.metrics).filter((name) =>
    /^holdout\.|\.(student|teacher)\./.test(name),
  );
  return [
    row('parent', ({ parent }) => parent),
    row('made (UTC)', ({ createdAt }) => shortTime(createdAt)),
    row('config', ({ configDigest }) => configDigest.slice(0, 12)),
    row('student', ({ weightsSha256 }) => weightsSha256.student.slice(0, 12)),
    row('teacher', ({ weightsSha256 }) => weightsSha256.teacher.slice(0, 12)),
    row('teacher version', ({ lineage }) => lineage.teacherVersion),
    row('groups learnt', ({ cursor }) => cursor),
    row('newest click', ({ lineage }) => shortTime(new Date(lineage.eventTimeMs.to).toISOString())),
    row('topic', ({ lineage }) => lineage.topic),
    ...partitions.map((name) => row(`next ${name}`, ({ lineage }) => lineage.offsets[name] ?? null)),
    row('gate', ({ gate }) => `${gate.decision} ${gate.reason}`),
    ...namesOf(a.gate.figures, b.gate.figures).map((name) =>
      row(`gate ${name}`, ({ gate }) => gate.figures[name] ?? null),
    ),
    ...metrics.map((name) => row(name, (manifest) => manifest.metrics[name] ?? null)),
  ];
}

const sameness = (a: number | string, b: number | string): string => (a === b ? 'same' : 'other');

const namesOf = (a: object, b: object): string[] =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();

interface ScoreDifference {
  readonly texts: number;
  /** Logits, absolute. */
  readonly meanDifference: number;
  readonly maxDifference: number;
  /** Kendall's tau-b within a query, on average. */
  readonly agreement: number | null;
}

/** Both students on the texts that the vocabulary of the first one makes: see golden-texts.ts. */
async function compareScores(
  { store }: StoredGenerations,
  a: Generation,
  b: Generation,
): Promise<ScoreDifference> {
  const tokenizer = Buffer.from(await store.read(a, 'student/tokenizer.json')).toString();
  const scoresOf = async (generation: Generation): Promise<Map<string, number[]>> => {
    const { scorer, config } = await openGenerationScorer(store, generation);
    const texts = goldenTexts(vocabularyWords(tokenizer), config.student.tokensMax).map((text) => ({
      query: text.query,
      document: { title: text.document, summary: '' },
    }));
    const scores = studentScores(scorer, texts);
    scorer.student.dispose();
    return byQuery(texts, scores);
  };
  const [first, second] = [await scoresOf(a), await scoresOf(b)];
  const [x, y] = [[...first.values()], [...second.values()]];
  const apart = x.flat().map((score, i) => Math.abs(score - y.flat()[i]!));
  return {
    texts: apart.length,
    meanDifference: apart.reduce((sum, value) => sum + value, 0) / apart.length,
    maxDifference: Math.max(...apart),
    agreement: agreement(x, y),
  };
}

function byQuery(texts: readonly { readonly query: string }[], scores: Float32Array): Map<string, number[]> {
  const queries = new Map<string, number[]>();
  texts.forEach(({ query }, i) => {
    queries.set(query, [...(queries.get(query) ?? []), scores[i]!]);
  });
  return queries;
}
