// The jars of an Apache Kafka version, fetched once by Maven and kept; whether this machine can run them.
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const pom = fileURLToPath(new URL('pom.xml', import.meta.url));

export const kafkaVersions = { newest: '4.3.1', oldest: '3.9.2' } as const;

export const kafkaCache = (): string =>
  process.env.RESTILL_KAFKA_CACHE ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'restill', 'kafka');

const directoryOf = (version: string): string => join(kafkaCache(), `jars-${version}`);
const starts = (program: string): boolean => spawnSync(program, ['-version']).status === 0;

/** False where no broker can run here, said in one line; an error in CI, which must have what it takes. */
export function canRunKafka(version: string = kafkaVersions.newest): boolean {
  const missing = !starts('java')
    ? 'java'
    : !existsSync(directoryOf(version)) && !starts('mvn')
      ? 'mvn'
      : null;
  if (missing === null) return true;
  const message = `${missing} is missing, for the tests against a real Apache Kafka ${version}`;
  if (process.env.CI) throw new Error(message);
  console.warn(`skipped: ${message}`);
  return false;
}

/**
 * The class path. Sorted and explicit: a class archive is refused when the order differs. Several processes
 * may ask at once; what the first one has fetched is taken.
 */
export async function kafkaClassPath(version: string): Promise<string> {
  const directory = directoryOf(version);
  if (!existsSync(directory)) await fetchJars(version, directory);
  const jars = readdirSync(directory).filter((name) => name.endsWith('.jar'));
  return jars
    .sort()
    .map((name) => join(directory, name))
    .join(':');
}

async function fetchJars(version: string, directory: string): Promise<void> {
  mkdirSync(kafkaCache(), { recursive: true });
  const part = mkdtempSync(join(kafkaCache(), 'part-'));
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${part}`, `-Dkafka.version=${version}`];
  await run('mvn', ['-B', '-q', '-f', pom, ...goal], { maxBuffer: 1 << 24 });
  try {
    renameSync(part, directory);
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    if (!existsSync(directory)) throw error; // Another process was first, else.
  }
}
