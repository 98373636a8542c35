// A real S3-compatible server on 127.0.0.1: versitygw, which checks signatures, permissions and checksums and
// keeps its objects as files. RESTILL_S3_SERVER names the program (`.ci/reference` builds it); tests skip in
// one line where it is absent, CI fails instead.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from './broker/settings.ts';

const program = process.env.RESTILL_S3_SERVER ?? 'versitygw';
/** A first start on a busy machine takes a second or two. */
const startMs = 60_000;

export interface Account {
  readonly access: string;
  readonly secret: string;
}

/** Owns every bucket. */
export const root: Account = { access: 'root', secret: 'root-secret' };
/** Has an account and no bucket. */
export const stranger: Account = { access: 'stranger', secret: 'stranger-secret' };

export interface S3Server {
  readonly url: string;
  /** Buckets as directories, objects as files below them. */
  readonly directory: string;
  stop(): Promise<void>;
}

/** False where the server cannot run here, said in one line; an error in CI, which must have it. */
export function canRunS3(): boolean {
  if (spawnSync(program, ['--version']).status === 0) return true;
  const message =
    `${program} is missing, for exports to a real object store (RESTILL_S3_SERVER names it; ` +
    'go install github.com/versity/versitygw/cmd/versitygw@v1.8.0)';
  if (process.env.CI) throw new Error(message);
  console.warn(`skipped: ${message}`);
  return false;
}

export async function startS3(buckets: readonly string[]): Promise<S3Server> {
  const home = mkdtempSync(join(tmpdir(), 'restill-s3-'));
  const directory = join(home, 'buckets');
  for (const name of ['iam', 'meta', ...buckets.map((bucket) => join('buckets', bucket))])
    mkdirSync(join(home, name), { recursive: true });
  const accounts = { [stranger.access]: { ...stranger, role: 'user', userID: 0, groupID: 0, projectID: 0 } };
  writeFileSync(join(home, 'iam', 'users.json'), JSON.stringify({ accessAccounts: accounts }));
  const port = await freePort();
  const log = join(home, 'log');
  const gateway = [
    ...['--quiet', '--port', `127.0.0.1:${port}`, '--health', '/health', '--iam-dir', join(home, 'iam')],
    ...['--access', root.access, '--secret', root.secret],
    ...['posix', '--sidecar', join(home, 'meta'), directory],
  ];
  const child = spawn('sh', ['-c', 'log=$1; shift; exec "$@" > "$log" 2>&1', 'sh', log, program, ...gateway]);
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  for (const end = Date.now() + startMs; ; await pause(20)) {
    const answer = await fetch(`${url}/health`).catch(() => null);
    if (answer?.ok) break;
    if (child.exitCode === null && Date.now() < end) continue;
    kill();
    throw new Error(`${program} did not start\n${readFileSync(log, 'utf8').slice(-2000)}`);
  }
  return {
    url,
    directory,
    stop: async () => {
      process.off('exit', kill);
      kill();
      await exited;
      rmSync(home, { recursive: true, force: true });
    },
  };
}
