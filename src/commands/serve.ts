// restill serve: scores over HTTP with the generation that is live, until it is told to stop. The composition
// root of the ranker and the door.
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { firstValueFrom, merge, Subject } from 'rxjs';
import { registryOf } from '../admin.http.ts';
import { Board } from '../board.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { RestillError } from '../errors.ts';
import { type Door, openDoor } from '../serving/door.http.ts';
import type { Ranker, RankerSettings } from '../serving/ports.ts';
import type { Log } from '../telemetry.ts';
import { readConfigFile } from './config-file.ts';
import { openLog } from './log.ts';
import { errorFields } from './log-daemon.ts';
import { logServing } from './log-serving.ts';
import { readServeToken } from './secrets.ts';
import { serveConsole } from './serve-console.ts';
import { serveFigures } from './serve-figures.ts';
import { serveGenerations } from './served-generations.ts';
import { openSignals, type Signals } from './signals.ts';

interface Options {
  readonly data: string;
  readonly config?: string;
  readonly host?: string;
  readonly port?: number;
}

export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('score documents over HTTP with the live generation, swapped while it runs')
    .requiredOption('--data <dir>', 'the data directory of the run; only read')
    .option('--config <file>', 'yaml; its section `serve` counts here')
    .option('--host <address>', 'to listen on, instead of serve.host')
    .option('--port <number>', 'likewise; 0: any free one', portNumber)
    .addHelpText('after', help)
    .action((options: Options, command: Command) => run(options, command));
}

const help = `
Speaks POST /rerank and GET /info (Text Embeddings Inference), POST /v1/rerank and /v2/rerank (Cohere, Jina),
POST /score and GET /v1/models (vLLM); GET /metrics, /health, /healthz, /readyz. Every answer names its
generation in the header restill-generation. Where none is live yet it starts all the same and waits for one.
SIGTERM or Ctrl-C answers what has come in, within serve.drain_deadline; a second one leaves at once. The log
goes to standard output, one JSON object a line.

Examples:
  restill serve --data shop
  restill serve --data shop --config config/serve.yaml --port 9000
  curl localhost:8080/rerank -H 'content-type: application/json' -d '{"query":"lamp","texts":["a","b"]}'`;

function portNumber(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError('expected a number from 0 to 65535.');
}

async function run(options: Options, command: Command): Promise<void> {
  const { config: read } = readConfigFile(options.config);
  const config = {
    ...read.serve,
    host: options.host ?? read.serve.host,
    port: options.port ?? read.serve.port,
  };
  const token = readServeToken(config);
  const log = openLog(1, token === null ? [] : [token]);
  const signals = openSignals();
  // Ends the processes that score, too: their channels close.
  signals.leave$.subscribe(() => process.exit(130));
  log.info('serve.started', { data: options.data, config: options.config });
  try {
    await serve({
      config,
      admin: read.admin,
      token,
      log,
      signals,
      data: options.data,
      version: command.parent?.version() ?? '',
    });
  } catch (error) {
    log.error('serve.failed', errorFields(error));
    throw error;
  } finally {
    signals.close();
  }
  log.info('serve.finished');
}

interface Inputs {
  readonly config: Config['serve'];
  /** Of the console's operator. */
  readonly admin: Config['admin'];
  readonly token: string | null;
  readonly log: Log;
  readonly signals: Signals;
  readonly data: string;
  readonly version: string;
}

async function serve(inputs: Inputs): Promise<void> {
  const { config, log, signals, data } = inputs;
  const broken$ = new Subject<RestillError>();
  const ranker = serveGenerations({
    directory: join(data, 'generations'),
    settings: settingsOf(config),
    onNews: (news) => {
      logServing(news, log);
      // Nothing else that may come can be served either.
      if (news.kind === 'refused' && news.refusal.code === 'ENGINE_MISSING')
        broken$.next(new RestillError('ENGINE_MISSING', news.refusal.message));
    },
  });
  try {
    const over = firstValueFrom(merge(signals.stop$, broken$));
    const door = await doorOf(inputs, ranker);
    warnOfOpenDoor(inputs, door);
    const reason = await over;
    log.info('serve.stopping');
    const isAnswered = await door.close(config.drainDeadline);
    if (reason instanceof RestillError) throw reason;
    if (!isAnswered) throw tooLate(config);
  } finally {
    await ranker.close();
  }
}

async function doorOf({ config, admin, token, log, data, version }: Inputs, ranker: Ranker): Promise<Door> {
  const board = new Board();
  board.set('restill_build_info', 1, { version });
  const refresh = await serveFigures({ data, ranker, board });
  const registry = registryOf(board, systemClock);
  const metrics = async () => {
    await refresh();
    return { type: registry.contentType, text: await registry.metrics() };
  };
  const timer = systemClock;
  const console = await serveConsole({ config: admin, token, data, version, board, refresh, ranker });
  return openDoor({ config, token, ranker, board, timer, log, version, metrics, beside: [console] });
}

/** Allowed, as a network policy may say who can reach it; but never by mistake. */
function warnOfOpenDoor({ config, token, log }: Inputs, { address }: Door): void {
  log.info('serve.listening', { address, guarded: token !== null });
  if (token === null && !isLoopback(config.host))
    log.error('serve.open', { host: config.host, setting: 'serve.token' });
}

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|::1)$/.test(host);

const settingsOf = (c: Config['serve']): RankerSettings => ({
  threads: c.threads,
  queueMax: c.queueMax,
  batchBudgetMs: c.batchBudget,
  loadDeadlineMs: c.loadDeadline,
  pollMs: c.poll,
  candidate: c.candidate,
});

const tooLate = ({ drainDeadline }: Config['serve']): RestillError =>
  new RestillError(
    'DRAIN_TIMED_OUT',
    `requests were not answered within serve.drain_deadline (${drainDeadline} ms) and have been cut off; ` +
      'give them more time, or see why they take so long',
  );
