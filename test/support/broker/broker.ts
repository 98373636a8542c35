// A real Apache Kafka on 127.0.0.1 for a test: one process (KRaft), a free port, a directory of its own.
// Killed with the process that started it, however that ends.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { kafkaCache, kafkaClassPath, kafkaVersions } from './jars.ts';
import { freePort, propertiesText } from './settings.ts';

const run = promisify(execFile);

export interface BrokerOptions {
  readonly version?: string;
  /** More server properties. */
  readonly properties?: Readonly<Record<string, unknown>>;
  /** Name -> protocol, besides PLAINTEXT. */
  readonly listeners?: Readonly<Record<string, string>>;
  /** Name -> `host:port` that clients are told. */
  readonly advertised?: Readonly<Record<string, string>>;
  /** More arguments of the storage tool's format: `--add-scram` and the like. */
  readonly format?: readonly string[];
}

/** First starts on a busy machine have taken 45 s. */
const startMs = 120_000;

const slf4j = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'];
slf4j.push('-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info');

/** Waits on our pipe and kills the JVM when it closes: when this process is gone. */
const withUs = '(read _ <&3 || kill -9 $$) & exec "$@" 3<&-';

export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const version = options.version ?? kafkaVersions.newest;
  const broker = new Broker(options, version, await kafkaClassPath(version));
  await broker.format();
  await broker.start();
  return broker;
}

export class Broker {
  readonly version: string;
  readonly directory = fs.mkdtempSync(join(tmpdir(), 'restill-kafka-'));
  readonly #options: BrokerOptions;
  readonly #classPath: string;
  readonly #log = join(this.directory, 'broker.log');
  readonly #properties = join(this.directory, 'server.properties');
  #ports: Record<string, number> = {};
  #archive = '';
  /** Where this run of the JVM leaves its class archive. */
  #dump: string | null = null;
  #child: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();

  constructor(options: BrokerOptions, version: string, classPath: string) {
    this.#options = options;
    this.version = version;
    this.#classPath = classPath;
  }

  get bootstrap(): string {
    return this.address('PLAINTEXT');
  }

  address(listener: string): string {
    return `127.0.0.1:${this.#ports[listener]}`;
  }

  /** Writes the settings and the empty log directory. Once. */
  async format(): Promise<void> {
    const protocols = { PLAINTEXT: 'PLAINTEXT', ...this.#options.listeners };
    for (const name of [...Object.keys(protocols), 'CONTROLLER']) this.#ports[name] = await freePort();
    const listeners = { ports: this.#ports, protocols, advertised: this.#options.advertised ?? {} };
    const data = join(this.directory, 'data');
    fs.writeFileSync(
      this.#properties,
      propertiesText(this.version, data, listeners, this.#options.properties ?? {}),
    );
    const { stderr } = await run('java', ['-version']);
    const key = createHash('sha1').update(stderr).update(this.#classPath).digest('hex').slice(0, 12);
    this.#archive = join(kafkaCache(), `classes-${this.version}-${key}.jsa`);
    const cluster = `A${randomBytes(16).toString('base64url').slice(1)}`; // A leading hyphen is an option.
    const format = ['format', '-t', cluster, '-c', this.#properties, ...(this.#options.format ?? [])];
    await run('java', [...this.#flags(), 'kafka.tools.StorageTool', ...format]);
  }

  /** After `kill` it comes back on the same ports with the same data. */
  async start(): Promise<void> {
    const dumping: string[] = [];
    if (!fs.existsSync(this.#archive)) {
      this.#dump = `${this.#archive}.${randomBytes(4).toString('hex')}`;
      dumping.push(`-XX:ArchiveClassesAtExit=${this.#dump}`);
    }
    const log = fs.openSync(this.#log, 'a');
    const from = fs.statSync(this.#log).size;
    const command = ['java', ...dumping, ...this.#flags(), 'kafka.Kafka', this.#properties];
    const child = spawn('sh', ['-c', withUs, 'sh', ...command], { stdio: ['ignore', log, log, 'pipe'] });
    fs.closeSync(log);
    const pipe = child.stdio[3] as Writable;
    pipe.on('error', () => {}); // The JVM is gone, which `exit` tells.
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => {
        pipe.end('\n');
        if (this.#child === child) this.#child = null;
        resolve();
      });
    });
    for (const end = Date.now() + startMs; ; await pause(20)) {
      const said = fs.readFileSync(this.#log).subarray(from).toString();
      if (said.includes('Kafka Server started')) return;
      if (this.#child !== null && Date.now() < end) continue;
      child.kill('SIGKILL');
      throw new Error(`Kafka ${this.version} did not start\n${said.slice(-4000)}`);
    }
  }

  /** A crash: SIGKILL, what is on disk stays. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  /** Hangs: connections stay open, nothing answers. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Ends it and removes its directory. */
  async stop(): Promise<void> {
    const child = this.#child;
    child?.kill('SIGCONT');
    child?.kill('SIGTERM');
    const timer = setTimeout(() => child?.kill('SIGKILL'), 20_000);
    await this.#exited;
    clearTimeout(timer);
    if (this.#dump !== null && fs.existsSync(this.#dump)) fs.renameSync(this.#dump, this.#archive);
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  /** For a quick start: a small heap, no optimising compiler, classes from an archive of the first run. */
  #flags(): string[] {
    const shared = fs.existsSync(this.#archive) ? [`-XX:SharedArchiveFile=${this.#archive}`] : [];
    const quiet = ['-Xlog:disable', '-Xlog:all=error:stderr'];
    const quick = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', ...quiet];
    return [...quick, ...shared, ...slf4j, '-cp', this.#classPath];
  }
}
