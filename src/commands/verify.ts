// restill verify: does a bundle, or a server that runs it, give the golden scores?
import { type Command, InvalidArgumentError, Option } from 'commander';
import { openBundle } from '../checkpoint/bundle-reader.fs.ts';
import { diagnose } from '../checkpoint/diagnosis.ts';
import { generationNumber, parseGenerationId } from '../checkpoint/generation.ts';
import { type Protocol, protocols, usualScores } from '../checkpoint/protocols.ts';
import { askServer } from '../checkpoint/server.http.ts';
import { RestillError } from '../errors.ts';
import { print, printJson } from './stored-generations.ts';
import { type Findings, verifyBundle } from './verify-bundle.ts';

interface Options {
  readonly bundle?: string;
  readonly also: readonly string[];
  readonly protocol?: Protocol;
  readonly scores?: 'raw' | 'sigmoid';
  readonly model: string;
  readonly tolerance?: number;
  readonly timeout: number;
  readonly ignore: readonly string[];
  readonly python?: string;
  readonly json?: true;
}

export function addVerifyCommand(program: Command): void {
  program
    .command('verify')
    .description('replay the golden vectors of an export against its files, or against a running server')
    .argument('<target>', 'a directory of `restill export`, or the address of a server')
    .option('--bundle <dir>', 'the export that the server should be running (for an address)')
    .addOption(new Option('--protocol <name>', 'how the server is asked (for an address)').choices(protocols))
    .option('--model <name>', 'its name at the server', 'student')
    .addOption(
      new Option(
        '--scores <kind>',
        'what the scores should be: usually sigmoid for cohere, raw for others',
      ).choices(['raw', 'sigmoid']),
    )
    .option(
      '--also <dir>',
      'an export of another generation, which may be live instead; repeatable',
      list,
      [],
    )
    .option('--ignore <fault>', 'a fault that is accepted, such as cut-longest; repeatable', list, [])
    .option('--tolerance <gap>', "how far a score may be off; the export's own by default", positive)
    .option('--timeout <seconds>', 'for one answer', positive, 10)
    .option('--python <program>', 'a Python whose onnxruntime scores an ONNX model (for a directory)')
    .option('--json', 'print the findings as a JSON object')
    .addHelpText('after', help)
    .action((target: string, options: Options, command: Command) => run(target, options, command));
}

const help = `
Named are: segments-zeroed, cut-left, cut-longest, cut-to-N, swapped, sigmoid, sigmoid-twice, no-sigmoid,
wrong-version. A bearer token is taken from RESTILL_VERIFY_TOKEN.

Examples:
  restill verify models/shop
  restill verify http://localhost:8080 --bundle models/shop --protocol tei
  restill verify http://localhost:8000 --bundle models/student/7 --protocol triton --also models/student/6`;

async function run(target: string, options: Options, command: Command): Promise<void> {
  const findings = await (/^https?:\/\//.test(target)
    ? verifyServer(target, options)
    : verifyBundle(target, { python: options.python ?? null, tolerance: options.tolerance ?? null }));
  const faults = findings.faults.filter((fault) => !options.ignore.includes(fault));
  if (options.json) printJson(command, findings);
  else print(command, report(findings));
  if (faults.length > 0 && faults.length === findings.faults.length)
    throw new RestillError('VERIFY_FAILED', `${target} ${findings.says.join('; or it ')}`);
}

async function verifyServer(url: string, options: Options): Promise<Findings> {
  const { bundle: directory, protocol } = options;
  if (directory === undefined || protocol === undefined)
    throw new RestillError(
      'USAGE',
      'an address needs --bundle and --protocol too; see restill verify --help',
    );
  const { bundle, golden } = await openBundle(directory);
  const others = await Promise.all(options.also.map((other) => openBundle(other)));
  const answer = await askServer(
    {
      url,
      protocol,
      model: options.model,
      timeoutMs: options.timeout * 1000,
      token: process.env.RESTILL_VERIFY_TOKEN ?? null,
    },
    golden,
  );
  const diagnosis = diagnose(golden, answer.scores, {
    scores: options.scores ?? usualScores[protocol],
    tolerance: options.tolerance ?? bundle.tolerance,
    others: others.map((other) => ({ generation: other.bundle.generation, golden: other.golden })),
  });
  const wrongVersion = versionFault(answer.version, bundle.generation);
  return {
    ...diagnosis,
    ...(wrongVersion ? { faults: ['wrong-version'], says: [wrongVersion] } : {}),
    target: url,
    scored: true,
    generation: bundle.generation,
    notes: [`${golden.length} golden texts asked for by ${protocol}`],
  };
}

/** Triton's version folders are named by the generation's number; `restill serve` names the generation. */
function versionFault(version: string | null, generation: string): string | null {
  const id = parseGenerationId(generation);
  if (version === null || id === null || version === id || Number(version) === generationNumber(id))
    return null;
  return `serves version ${version} instead of ${generationNumber(id)} (${id})`;
}

function report({
  target,
  generation,
  scored,
  notes,
  faults,
  says,
  largestGap,
  invisible,
}: Findings): string {
  const right = scored ? `gives the scores of ${generation}` : `is ${generation} as it was exported`;
  const lines = [
    `${target}: ${faults.length === 0 ? right : says.join('; or it ')}`,
    ...notes,
    ...(scored ? [`largest difference ${largestGap.toExponential(1)}`] : []),
    ...(invisible.length > 0 ? [`could not be seen by these texts: ${invisible.join(', ')}`] : []),
  ];
  return lines.map((line, i) => `${i > 0 ? '  ' : ''}${line}\n`).join('');
}

const list = (value: string, values: string[]): string[] => [...values, value];

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a number above 0');
}
