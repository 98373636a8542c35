// Invariants checked here:
// 1. Settings reach the native library before it loads, and never change afterwards.
// 2. The backend is the native one, or there is none: a missing addon is BACKEND_MISSING with the command
//    to run.
// 3. It starts without a word on stdout or stderr.
// 4. The two functions of node:util that Node 23 dropped are there for the kernels that call them.
// 5. A run that fails leaves nothing behind in native memory: the patch of the addon is in.
// 6. Native failures become BACKEND_FAILED, one line, with what was being done.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { RestillError } from '../../src/errors.ts';
import { mapNativeError, startBackend } from '../../src/tensor/backend.tf.ts';
import { encodeSavedModel, servingTag } from '../../src/tensor/graph-def.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const settings = { threads: 2, oneDnn: true };

function evaluate(code: string): { stdout: string; stderr: string } {
  const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    cwd: root,
    encoding: 'utf8',
  });
  return { stdout: child.stdout, stderr: child.stderr };
}

describe('startBackend', () => {
  it('gives the native backend, once, and multiplies', async () => {
    const backend = await startBackend(settings);
    expect(backend.version).toMatch(/^2\.\d+\.\d+$/);
    expect(backend.tf.getBackend()).toBe('tensorflow');
    const { tf } = backend;
    const product = tf.tidy(() => tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]])));
    expect([...product.dataSync()]).toEqual([11]);
    product.dispose();
    expect(await startBackend({ ...settings })).toBe(backend);
  });

  it('refuses other settings', async () => {
    await startBackend(settings);
    await expect(startBackend({ ...settings, threads: 1 })).rejects.toMatchObject({
      code: 'BACKEND_FAILED',
      message: expect.stringContaining('2 thread(s) and oneDNN on, not with 1 thread(s)'),
    });
  });

  it('counts native tensors', async () => {
    const { binding, tensorCount } = await startBackend(settings);
    const before = tensorCount();
    const id = binding.createTensor([2], binding.TF_FLOAT, Float32Array.of(1, 2));
    expect(tensorCount()).toBe(before + 1);
    expect([...binding.tensorDataSync(id)]).toEqual([1, 2]);
    binding.deleteTensor(id);
    expect(tensorCount()).toBe(before);
  });

  it('sets the environment first, says nothing, and mends node:util', () => {
    const { stdout, stderr } = evaluate(`
      import { createRequire } from 'node:module';
      const util = createRequire('${root}')('node:util');
      delete util.isNullOrUndefined; delete util.isArray;
      const { startBackend } = await import('./src/tensor/backend.tf.ts');
      const { tf } = await startBackend({ threads: 1, oneDnn: false });
      const names = ['NUM_INTRAOP_THREADS', 'NUM_INTEROP_THREADS', 'ENABLE_ONEDNN_OPTS', 'DETERMINISTIC_OPS'];
      const set = names.map((name) => process.env['TF_' + name]);
      const top = tf.topk(tf.tensor1d([1, 5, 3]), 1).values.arraySync();
      console.log(JSON.stringify([set, top, tf.split(tf.ones([2]), 2).length]));
    `);
    expect(stderr).toBe('');
    expect(stdout).toBe('[["1","1","0","1"],[5],2]\n');
  });

  it('stops where the addon is missing, and says what to run', () => {
    const { stdout, stderr } = withoutAddon(
      (path) => `
      const { startBackend } = await import('${path}/src/tensor/backend.tf.ts');
      const report = (error) => console.log(error.code, error.message);
      await startBackend({ threads: 1, oneDnn: true }).catch(report);
    `,
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^BACKEND_MISSING native TensorFlow cannot be loaded: .*; run: npm run setup\n$/);
  });
});

/** Runs code beside a copy of the sources whose tfjs-node-gpu has no addon. */
function withoutAddon(code: (path: string) => string): ReturnType<typeof evaluate> {
  const copy = mkdtempSync(join(tmpdir(), 'restill-no-addon-'));
  try {
    cpSync(join(root, 'src/tensor/backend.tf.ts'), join(copy, 'src/tensor/backend.tf.ts'));
    cpSync(join(root, 'src/errors.ts'), join(copy, 'src/errors.ts'));
    cpSync(join(root, 'package.json'), join(copy, 'package.json'));
    const modules = join(root, 'node_modules');
    mkdirSync(join(copy, 'node_modules/@tensorflow'), { recursive: true });
    for (const scope of ['.', '@tensorflow'])
      for (const name of readdirSync(join(modules, scope)))
        if (!['@tensorflow', 'tfjs-node-gpu'].includes(name) && !name.startsWith('.'))
          symlinkSync(join(modules, scope, name), join(copy, 'node_modules', scope, name));
    const bare = join(modules, '@tensorflow/tfjs-node-gpu');
    cpSync(bare, join(copy, 'node_modules/@tensorflow/tfjs-node-gpu'), {
      recursive: true,
      filter: (path) => path !== join(bare, 'lib') && path !== join(bare, 'deps'),
    });
    return evaluate(code(copy));
  } finally {
    rmSync(copy, { recursive: true });
  }
}

describe('mapNativeError', () => {
  it('keeps the first line of a real failure and says what was being done', async () => {
    const { binding, tensorCount } = await startBackend(settings);
    const before = tensorCount();
    const id = binding.createTensor([3], binding.TF_FLOAT, new Float32Array(3));
    const attempt = (): void => {
      try {
        binding.runSavedModel(12345, [id], 'a:0', 'b:0');
      } catch (error) {
        throw mapNativeError(error, 'running the function train');
      }
    };
    expect(attempt).toThrow(RestillError);
    expect(attempt).toThrow(
      'TensorFlow failed running the function train: SavedModel ID not found (savedmodel_id: 12345)',
    );
    binding.deleteTensor(id);
    expect(tensorCount()).toBe(before);
  });

  it('drops all but the first line, and leaves our own errors alone', () => {
    const mapped = mapNativeError(
      new Error('Session fail to run with error: bad shape\n\tat node x'),
      'loading',
    );
    expect([mapped.code, mapped.message]).toEqual(['BACKEND_FAILED', 'TensorFlow failed loading: bad shape']);
    const own = new RestillError('NON_FINITE', 'the loss is NaN');
    expect(mapNativeError(own, 'loading')).toBe(own);
  });
});

describe('the patched addon', () => {
  const nodes = ['x', 'y'].map((name) => ({
    name,
    op: name === 'x' ? 'Placeholder' : 'Identity',
    inputs: name === 'x' ? [] : ['x'],
    attributes: { [name === 'x' ? 'dtype' : 'T']: { type: 'float32' } as const },
  }));

  /** How many of 20 fed arrays are still held after runs that fetch `output`, and garbage collection. */
  async function heldAfter(output: string): Promise<number> {
    const { binding, tensorCount } = await startBackend(settings);
    const directory = mkdtempSync(join(tmpdir(), 'restill-model-'));
    writeFileSync(join(directory, 'saved_model.pb'), encodeSavedModel(nodes));
    const model = binding.loadSavedModel(directory, servingTag);
    rmSync(directory, { recursive: true });
    const before = tensorCount();
    const fed: WeakRef<Float32Array>[] = [];
    const run = (): void => {
      const data = new Float32Array(1000).fill(3);
      fed.push(new WeakRef(data));
      const id = binding.createTensor([1000], binding.TF_FLOAT, data);
      try {
        for (const result of binding.runSavedModel(model, [id], 'x:0', output))
          binding.deleteTensor(result.id);
      } catch (error) {
        expect(String(error)).toContain('can not be found in the graph');
      } finally {
        binding.deleteTensor(id);
      }
    };
    for (let i = 0; i < 20; i++) run();
    expect(tensorCount()).toBe(before);
    binding.deleteSavedModel(model);
    await new Promise((resolve) => setImmediate(resolve)); // a WeakRef holds its target until the turn ends
    collectGarbage();
    return fed.filter((array) => array.deref() !== undefined).length;
  }

  it('lets go of what was fed, whether the run succeeds or not', async () => {
    expect(await heldAfter('y:0')).toBe(0);
    expect(await heldAfter('z:0')).toBe(0);
  });
});

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
