// Invariants checked here (nothing is downloaded or compiled):
// 1. Each platform gets its own wheels; one without any gets an error that says what works.
// 2. The patch fits the binding's sources as they are pinned, exactly; anything else is refused.
// 3. Cached folders appear whole or not at all: two set-ups at once, a killed one, a truncated file.
// 4. A missing tool is one clear error with the fix, exit code 5, and leaves nothing behind.
// 5. When all is ready, set-up says so in one line.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

interface Wheel {
  readonly requirement: string;
  readonly tags: string[];
  readonly members: [string, string][];
}
interface PlanModule {
  planFor(machine: { platform: string; arch: string; gpu: boolean }): {
    name: string;
    wheels: Wheel[];
    libraries: string[];
  };
  pipArguments(wheel: Wheel, how: { directory: string; portable: boolean; progress: boolean }): string[];
  compilerArguments(input: Record<string, unknown>): string[];
}
interface PatchModule {
  parsePatch(patch: string): Map<string, unknown[]>;
  applyHunks(text: string, hunks: unknown[], name: string): string;
}
interface FilesModule {
  cacheRoot(env: Record<string, string>): string;
  checkSpace(directory: string, gigabytes: number): void;
  publish(root: string, name: string, fill: (staging: string) => void): string;
  link(target: string, path: string): void;
}

// Plain JavaScript that runs before anything is built: it has no types of its own.
const root = fileURLToPath(new URL('..', import.meta.url));
const load = (name: string): Promise<unknown> => import(`${root}/scripts/lib/${name}`);
const plan = (await load('native-plan.mjs')) as PlanModule;
const patches = (await load('apply-patch.mjs')) as PatchModule;
const files = (await load('native-files.mjs')) as FilesModule;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'restill-setup-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('planFor', () => {
  it('takes the CPU wheel on Linux, and CUDA with it where there is a GPU', () => {
    const cpu = plan.planFor({ platform: 'linux', arch: 'x64', gpu: false });
    expect(cpu.wheels.map(({ requirement }) => requirement)).toEqual(['tensorflow-cpu==2.20.0']);
    expect(cpu.libraries).toEqual(['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2']);
    const gpu = plan.planFor({ platform: 'linux', arch: 'x64', gpu: true });
    expect(gpu.wheels[0]!.requirement).toBe('tensorflow==2.20.0');
    expect(gpu.wheels.slice(1).every(({ requirement }) => requirement.startsWith('nvidia-'))).toBe(true);
    expect(gpu.name).not.toBe(cpu.name);
  });

  it('knows arm64 and macOS, and refuses the rest with what works', () => {
    const arm = plan.planFor({ platform: 'linux', arch: 'arm64', gpu: false });
    expect(arm.wheels[0]!.tags).toContain('manylinux_2_17_aarch64');
    const mac = plan.planFor({ platform: 'darwin', arch: 'arm64', gpu: false });
    expect(mac.libraries[0]).toBe('libtensorflow_cc.2.dylib');
    for (const [platform, arch] of [
      ['win32', 'x64'],
      ['darwin', 'x64'],
    ] as const)
      expect(() => plan.planFor({ platform, arch, gpu: false })).toThrow(
        /no CPU build.*WSL2.*RESTILL_LIBTENSORFLOW/,
      );
  });

  it('asks pip for the local Python first, then for one that the wheel is made for', () => {
    const [wheel] = plan.planFor({ platform: 'linux', arch: 'x64', gpu: false }).wheels;
    const own = plan.pipArguments(wheel!, { directory: '/d', portable: false, progress: false });
    expect(own).toEqual(
      expect.arrayContaining(['download', '--no-deps', '--only-binary=:all:', '--dest', '/d']),
    );
    expect(own).not.toContain('--platform');
    expect(own.at(-1)).toBe('tensorflow-cpu==2.20.0');
    const portable = plan
      .pipArguments(wheel!, { directory: '/d', portable: true, progress: false })
      .join(' ');
    expect(portable).toContain('--python-version 3.12 --implementation cp --platform manylinux_2_17_x86_64');
  });

  it('links the addon against libraries found by its own place', () => {
    const flags = plan.compilerArguments({
      ...{ platform: 'linux', nodeHeaders: '/h', library: '/l', libraries: ['libtensorflow.so.2'] },
    });
    expect(flags).toEqual(
      expect.arrayContaining(['-l:libtensorflow.so.2', '-Wl,-rpath,$ORIGIN/../../deps/lib']),
    );
  });
});

describe('the patch', () => {
  const patch = readFileSync(join(root, 'patches/tfjs-node-binding.patch'), 'utf8');
  const parsed = patches.parsePatch(patch);
  const sourceOf = (name: string): string =>
    readFileSync(join(root, 'node_modules/@tensorflow/tfjs-node-gpu', name), 'utf8');
  const lines = (text: string): number => text.split('\n').length;

  it('fits the sources as they are pinned', () => {
    expect([...parsed.keys()]).toEqual(['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc']);
    let added = 0;
    for (const [name, hunks] of parsed) {
      const patched = patches.applyHunks(sourceOf(name), hunks, name);
      added += lines(patched) - lines(sourceOf(name));
      expect(patched).not.toMatch(/delete (output|input)_op_name_array/);
    }
    expect(added).toBe(netLines(patch));
  });

  it('is refused by any other source, and by one that has it already', () => {
    for (const [name, hunks] of parsed) {
      const source = sourceOf(name);
      const others = [
        source.replaceAll(/input_values|nstatus/g, 'x'),
        patches.applyHunks(source, hunks, name),
      ];
      for (const other of others)
        expect(() => patches.applyHunks(other, hunks, name)).toThrow(
          /^hunk \d of the patch fits 0 places of binding/,
        );
    }
  });
});

const netLines = (patch: string): number =>
  patch.split('\n').filter((line) => /^\+(?!\+\+)/.test(line)).length -
  patch.split('\n').filter((line) => /^-(?!--)/.test(line)).length;

describe('publish', () => {
  const fill = (staging: string): void => {
    mkdirSync(join(staging, 'lib'));
    writeFileSync(join(staging, 'lib/a'), 'content');
  };
  const leftovers = (): string[] => readdirSync(directory).filter((name) => name.startsWith('staging'));

  it('makes a folder once', () => {
    const first = files.publish(directory, 'x', fill);
    expect(readFileSync(join(first, 'lib/a'), 'utf8')).toBe('content');
    expect(files.publish(directory, 'x', () => expect.fail('made twice'))).toBe(first);
    expect(leftovers()).toEqual([]);
  });

  it('makes it anew when a file was truncated', () => {
    const target = files.publish(directory, 'x', fill);
    truncateSync(join(target, 'lib/a'), 3);
    files.publish(directory, 'x', fill);
    expect(readFileSync(join(target, 'lib/a'), 'utf8')).toBe('content');
  });

  it('takes what another set-up has made meanwhile', () => {
    const target = files.publish(directory, 'x', (staging) => {
      fill(staging);
      writeFileSync(join(staging, 'lib/b'), 'second');
      files.publish(directory, 'x', fill);
    });
    expect(readFileSync(join(target, 'lib/a'), 'utf8')).toBe('content');
    expect(existsSync(join(target, 'lib/b'))).toBe(false);
    expect(leftovers()).toEqual([]);
  });

  it('leaves nothing when it fails, and clears up after a killed one, not after a living one', () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    mkdirSync(join(directory, `staging.${hostname()}.${dead}.abc`));
    mkdirSync(join(directory, `staging.${hostname()}.${process.pid}.abc`));
    mkdirSync(join(directory, `staging.elsewhere.${dead}.abc`));
    expect(() => files.publish(directory, 'x', () => expect.fail('full disk'))).toThrow('full disk');
    expect(leftovers().sort()).toEqual(
      [`staging.${hostname()}.${process.pid}.abc`, `staging.elsewhere.${dead}.abc`].sort(),
    );
    expect(existsSync(join(directory, 'x'))).toBe(false);
  });
});

describe('link', () => {
  it('points at the target, again and again, also where a folder was', () => {
    const [one, two, path] = ['one', 'two', 'deep/link'].map((name) => join(directory, name));
    for (const target of [one!, two!]) {
      mkdirSync(target);
      writeFileSync(join(target, 'which'), target);
    }
    mkdirSync(join(path!, 'old'), { recursive: true });
    for (const target of [one!, one!, two!]) {
      files.link(target, path!);
      expect(lstatSync(path!).isSymbolicLink()).toBe(true);
      expect(readFileSync(join(path!, 'which'), 'utf8')).toBe(target);
    }
    expect(readdirSync(join(directory, 'deep'))).toEqual(['link']);
  });
});

describe('set-up', () => {
  function setUp(env: Record<string, string>): { status: number | null; stdout: string; stderr: string } {
    const own = {
      HOME: directory,
      RESTILL_CACHE: join(directory, 'cache'),
      RESTILL_TENSORFLOW: 'cpu',
      ...env,
    };
    return spawnSync(process.execPath, [join(root, 'scripts/setup-native.mjs')], {
      env: own,
      timeout: 60_000,
      encoding: 'utf8',
    });
  }
  /** A command that stands for a tool: fails if its arguments hold `fails`. */
  function tool(name: string, fails: string): string {
    const bin = join(directory, 'bin');
    mkdirSync(bin, { recursive: true });
    const script = `#!/bin/sh\ncase "$*" in *"${fails}"*) echo "no $2 here" >&2; exit 1;; esac\n`;
    writeFileSync(join(bin, name), script);
    chmodSync(join(bin, name), 0o755);
    return bin;
  }
  const cases: [string, () => Record<string, string>, string][] = [
    ['python3', () => ({ PATH: directory }), 'set-up failed: python3 was not found'],
    ['pip', () => ({ PATH: tool('python3', 'pip --version') }), 'set-up failed: python3 has no pip'],
    ['network', () => ({ PATH: tool('python3', 'pip download') }), 'set-up failed: pip could not download'],
    [
      'g++',
      () => ({ PATH: directory, RESTILL_LIBTENSORFLOW: library() }),
      'the C++ compiler g++ was not found',
    ],
    [
      'folder',
      () => ({ RESTILL_LIBTENSORFLOW: '/no/such' }),
      'RESTILL_LIBTENSORFLOW: there is no folder /no/such',
    ],
    ['library', () => ({ RESTILL_LIBTENSORFLOW: directory }), 'holds libtensorflow_cc or libtensorflow 2'],
    ['choice', () => ({ RESTILL_TENSORFLOW: 'tpu' }), 'RESTILL_TENSORFLOW is "tpu"; it may be cpu or gpu'],
    ['cache', () => ({ RESTILL_CACHE: join(import.meta.filename, 'cache') }), 'test.ts/cache: not a folder'],
  ];
  function library(): string {
    mkdirSync(join(directory, 'own/include/tensorflow/c'), { recursive: true });
    for (const name of ['libtensorflow.so.2', 'libtensorflow_framework.so.2', 'include/tensorflow/c/c_api.h'])
      writeFileSync(join(directory, 'own', name), '');
    return join(directory, 'own');
  }

  it.runIf(process.platform === 'linux').each(cases)('says what is wrong without %s', (_, env, message) => {
    const { status, stderr } = setUp(env());
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(status).toBe(5);
    const cache = join(directory, 'cache');
    const left = existsSync(cache) ? readdirSync(cache) : [];
    expect(left.filter((name) => !name.startsWith('tensorflow-own'))).toEqual([]);
  });

  it('says in one line that all is ready', () => {
    const run = () =>
      spawnSync(process.execPath, [join(root, 'scripts/setup-native.mjs')], { encoding: 'utf8' });
    expect(run().status).toBe(0);
    const again = run();
    expect(again.stdout).toMatch(/^native TensorFlow \d+\.\d+\.\d+ ready \((cpu|gpu)\)\n$/);
    expect(again.stderr).toBe('');
  });

  it('wants room on the disk, and finds its cache by the usual variables', () => {
    expect(() => files.checkSpace(directory, 1e9)).toThrow(
      /GB of free disk space; set-up needs 1000000000.0 GB/,
    );
    expect(files.cacheRoot({ RESTILL_CACHE: '/c' })).toBe('/c');
    expect(files.cacheRoot({ XDG_CACHE_HOME: '/x' })).toBe('/x/restill');
    expect(files.cacheRoot({ RESTILL_CACHE: 'relative' })).toBe(join(process.cwd(), 'relative'));
    expect(files.cacheRoot({})).toMatch(/\/\.cache\/restill$/);
  });
});
