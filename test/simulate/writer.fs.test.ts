// The files are complete and readable by restill's own readers; the same options give the same bytes; what
// is there is not overwritten unasked.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { defaults, type SimulationOptions } from '../../src/simulate/options.ts';
import { writeTopic } from '../../src/simulate/writer.fs.ts';
import { judgedQueries } from '../../src/trainer/judged.ts';
import { temporaryDirectory } from '../support/directory.ts';

const options: SimulationOptions = { ...defaults, impressions: 150, products: 300, queries: 20, days: 0.1 };

const write = (directory: string, change: { options?: SimulationOptions; force?: boolean } = {}) =>
  writeTopic({ directory, options, force: false, onProgress: () => {}, ...change });

const names = ['clicks.jsonl.gz', 'documents.jsonl', 'judgments.tsv', 'queries.jsonl', 'truth.json'];

describe('a written shop', () => {
  it('is five files, the same bytes each time', async () => {
    const [a, b] = [join(temporaryDirectory(), 'new', 'a'), temporaryDirectory()];
    await write(a);
    await write(b);
    expect(readdirSync(a).sort()).toEqual(names);
    for (const name of names)
      expect(readFileSync(join(a, name)).equals(readFileSync(join(b, name)))).toBe(true);
    // Bytes 4 to 7 of a gzip file are the time of writing.
    expect(readFileSync(join(a, 'clicks.jsonl.gz')).subarray(0, 8).toString('hex')).toBe('1f8b080000000000');
  });

  it('says the truth of what is in it', async () => {
    const directory = temporaryDirectory();
    const written = await write(directory);
    const text = (name: string) => readFileSync(join(directory, name), 'utf8');
    const lines = gunzipSync(readFileSync(join(directory, 'clicks.jsonl.gz')))
      .toString()
      .split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.length).toBe(written.counts.records);
    expect(Object.keys(JSON.parse(lines[0]!) as object)).toEqual([
      'topic',
      'partition',
      'offset',
      'tstype',
      'ts',
      'broker',
      'key',
      'payload',
    ]);
    expect(JSON.parse(text('truth.json'))).toMatchObject({
      version: 1,
      options,
      queries: 20,
      documents: 300,
      clickModel: { kind: 'pbm', attractiveness: [0.02, 0.08, 0.35, 0.85] },
      counts: written.counts,
      examination: [1, 0.75, 0.58, 0.47, 0.39, 0.33, 0.28, 0.25, 0.22, 0.2],
    });
  });

  it('has judged queries that restill reads', async () => {
    const directory = temporaryDirectory();
    await write(directory);
    const file = (name: string) => ({ name, lines: readFileSync(join(directory, name), 'utf8').split('\n') });
    const judged = judgedQueries({
      queries: file('queries.jsonl'),
      documents: file('documents.jsonl'),
      judgments: file('judgments.tsv'),
    });
    expect(judged.length).toBe(20);
    for (const { documents, grades } of judged) {
      expect(documents.length).toBe(24);
      expect(Math.max(...grades)).toBe(3);
    }
  });
});

describe('a directory', () => {
  it('that is not empty is left alone, unless forced', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'precious'), 'x');
    await expect(write(directory)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/precious.*--force/) as string,
    });
    expect(readdirSync(directory)).toEqual(['precious']);
    await write(directory, { force: true });
    expect(readdirSync(directory).sort()).toEqual([...names, 'precious'].sort());
  });

  it('that cannot be written is one clear error', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'clicks.jsonl.gz.part'));
    await expect(write(directory, { force: true })).rejects.toMatchObject({
      code: 'STORE_WRITE_FAILED',
      message: expect.stringContaining(`cannot write the shop to ${directory}`) as string,
    });
    expect(existsSync(join(directory, 'truth.json'))).toBe(false);
  });

  it('is not even made for options that do not fit', async () => {
    const directory = join(temporaryDirectory(), 'shop');
    await expect(write(directory, { options: { ...options, partitions: 0 } })).rejects.toMatchObject({
      code: 'USAGE',
    });
    expect(existsSync(directory)).toBe(false);
  });
});
