// Models to start from. Invariants checked here:
// 1. The configuration gets their sizes; a size that was given and is another, too many tokens or token
//    types, or a model of the wrong family is named.
// 2. A replay starts from them: their configs, tokenizers and kept layers are those of the generation, and a
//    second run of the finished replay reports the same, the student before it learnt anything included.
// 3. It goes on from them wherever they lie, and is refused by name when one of them has other content.
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfigFile } from '../../src/commands/config-file.ts';
import type { Report } from '../../src/commands/report.ts';
import { decodeSafetensors } from '../../src/tensor/safetensors.ts';
import { goldenPath } from '../support/golden.ts';
import { restill } from '../support/restill.ts';

const directory = mkdtempSync(join(tmpdir(), 'restill-start-'));
beforeAll(() => cpSync(goldenPath('tiny'), join(directory, 'models'), { recursive: true }));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const written = (config: object): string => {
  const file = join(directory, 'config.yaml');
  writeFileSync(file, JSON.stringify(config));
  return file;
};
const read = (config: object) => readConfigFile(written(config)).config;
const bert = { start: 'models/bert-bare' };
const llama = { start: 'models/llama-tied' };

describe('the configuration', () => {
  it('gets the sizes of the models, whose paths are relative to it', () => {
    const config = read({
      student: { ...bert, tokens_max: 24 },
      teacher: { ...llama, tokens_max: 40, hidden: 16 },
    });
    const shape = { layers: 3, hidden: 16, heads: 4, intermediate: 24 };
    expect(config.student).toMatchObject({ ...shape, start: join(directory, 'models/bert-bare') });
    expect(config.teacher).toMatchObject({ ...shape, layers: 2, keyValueHeads: 2 });
  });

  it('counts the layers that are kept', () => {
    const { student } = read({ student: { ...bert, layers_kept: [0, 2], tokens_max: 24 } });
    expect([student.layers, student.layersKept]).toEqual([2, [0, 2]]);
  });

  const wrong: [string, object, string, string][] = [
    [
      'another size',
      { student: { ...bert, hidden: 128 } },
      'CONFIG_INVALID',
      'student.hidden is 128, but student.start has 16',
    ],
    [
      'too many tokens',
      { student: { ...bert, tokens_max: 25 } },
      'CONFIG_INVALID',
      'student.start reads at most 24 tokens',
    ],
    [
      'too many tokens by default',
      { student: bert },
      'CONFIG_INVALID',
      'student.start reads at most 24 tokens',
    ],
    ['a decoder as student', { student: llama }, 'CONFIG_INVALID', 'the student is a BERT'],
    ['a BERT as teacher', { teacher: bert }, 'CONFIG_INVALID', 'the teacher is a Llama or a Qwen2'],
    [
      'layers it does not have',
      { student: { ...bert, layers_kept: [3] } },
      'CONFIG_INVALID',
      'it has 3: name one',
    ],
    [
      'layers of nothing',
      { student: { layers_kept: [0] } },
      'CONFIG_INVALID',
      'student.layers_kept needs student.start',
    ],
    [
      'two tokenizers',
      { student: { ...bert, tokens_max: 24 }, vocabulary: { path: 'tokenizer.json' } },
      'CONFIG_INVALID',
      'vocabulary.path must be null with student.start',
    ],
    ['no such directory', { teacher: { start: 'nowhere' } }, 'MODEL_DAMAGED', 'config.json cannot be read'],
  ];
  it('takes a model of one token type without segments only', () => {
    const path = join(directory, 'one-type');
    cpSync(join(directory, 'models/bert-bare'), path, { recursive: true });
    const file = join(path, 'config.json');
    const json: object = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...json, type_vocab_size: 1 }));
    const student = { start: path, tokens_max: 24 };
    expect(() => read({ student })).toThrow('set student.segments: none');
    expect(read({ student: { ...student, segments: 'none' } }).student.segments).toBe('none');
  });

  it.each(wrong)('names %s', (_, config, code, message) => {
    expect(() => read(config)).toThrow(message);
    expect(() => read(config)).toThrow(expect.objectContaining({ code }));
  });
});

describe('a replay', () => {
  it('starts from them', async () => {
    const shop = join(directory, 'shop');
    const simulated = await restill([
      ...['simulate', '--out', shop, '--seed', '3'],
      ...['--impressions', '500', '--queries', '30', '--products', '100', '--users', '60'],
    ]);
    expect(simulated.code, simulated.stderr).toBe(0);
    const configOf = (models: string) => ({
      ...{ privacy: { users_min: 2 }, holdout: { share: 0.3 } },
      ...{ turns: { groups: 200, snapshot_every: 2 }, vocabulary: { size: 300, groups: 100 } },
      student: { start: `${models}/bert-bare`, layers_kept: [0, 2], tokens_max: 24 },
      teacher: { start: `${models}/llama-tied`, tokens_max: 48 },
      ...{ pretrain: { steps_max: 2 }, finetune: { steps_max: 2 }, distill: { steps_max: 2 } },
    });
    const start = (models: string) => {
      const topic = join(shop, 'clicks.jsonl.gz');
      const config = written(configOf(models));
      return restill(['replay', topic, '--config', config, '--data', join(directory, 'data'), '--json']);
    };
    const replay = async (models = 'models'): Promise<Report> => {
      const { code, stdout, stderr } = await start(models);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout) as Report;
    };
    const { seconds: _, ...report } = await replay();
    const generations = join(directory, 'data/generations');
    const newest = readdirSync(generations)
      .filter((name) => /^g\d/.test(name))
      .sort()
      .at(-1)!;
    const file = (path: string) => readFileSync(join(generations, newest, path), 'utf8');
    const model = (path: string) => readFileSync(join(directory, 'models', path), 'utf8');
    expect(JSON.parse(file('student/config.json'))).toMatchObject({ num_hidden_layers: 2, hidden_size: 16 });
    expect(JSON.parse(file('teacher/config.json'))).toMatchObject({ head_dim: 6, eos_token_id: 2 });
    expect(file('student/tokenizer.json')).toBe(model('bert-bare/tokenizer.json'));
    expect(file('teacher/tokenizer.json')).toBe(model('llama-tied/tokenizer.json'));
    expect(file('teacher/tokenizer_config.json')).toBe(model('llama-tied/tokenizer_config.json'));
    // A few small steps away from where they started, and layer 2 of the start is layer 1.
    const layer = (i: number) => `encoder.layer.${i}.attention.self.key.weight`;
    const weights = (path: string) => decodeSafetensors(readFileSync(path));
    const distance = (made: string, name: string, from: string, old: string): number => {
      const { data } = weights(join(generations, newest, made)).get(name)!;
      const before = weights(join(directory, 'models', from)).get(old)!.data;
      return data.reduce((most, x, i) => Math.max(most, Math.abs(x - before[i]!)), 0);
    };
    const moved = [
      distance('student/model.safetensors', `bert.${layer(1)}`, 'bert-bare/model.safetensors', layer(2)),
      ...['model.embed_tokens.weight', 'model.layers.1.self_attn.k_proj.weight'].map((name) =>
        distance('teacher/model.safetensors', name, 'llama-tied/model.safetensors', name),
      ),
    ];
    for (const length of moved) expect(length).toBeLessThan(0.01);
    for (const length of moved) expect(length).toBeGreaterThan(0);
    renameSync(join(directory, 'models'), join(directory, 'moved'));
    const { seconds: __, ...again } = await replay('moved');
    expect(again).toEqual(report);
    const changed = join(directory, 'moved/llama-tied/model.safetensors');
    const bytes = readFileSync(changed);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(changed, bytes);
    const refused = await start('moved');
    expect([refused.code, refused.stdout]).toEqual([4, '']);
    expect(refused.stderr).toMatch(
      /GENERATION_FOREIGN: generation g\d+ began with a teacher of SHA-256 [0-9a-f]{64}/,
    );
  }, 120_000);
});
