// Makes @tensorflow/tfjs-node-gpu work without install scripts: takes libtensorflow out of the PyPI wheel,
// compiles the package's own Node addon against it, links both into node_modules, and checks the result by
// running an op.
//
//   node scripts/setup-native.mjs
//
//   RESTILL_CACHE          where library and addon are kept; default ${XDG_CACHE_HOME:-~/.cache}/restill
//   RESTILL_LIBTENSORFLOW  a folder with libtensorflow to use instead of downloading one
//   RESTILL_TENSORFLOW     cpu or gpu, instead of asking nvidia-smi
//   CXX                    the C++ compiler; default g++
//
// Idempotent: when all is ready it says so in one line and does nothing. Runs before anything is built, so
// it is plain JavaScript. The GPU variant is untested: it was written from the wheels' contents, without a
// GPU.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { applyHunks, parsePatch } from './lib/apply-patch.mjs';
import { cacheRoot, checkSpace, link, publish } from './lib/native-files.mjs';
import {
  compilerArguments,
  missing,
  napiVersion,
  pipArguments,
  planFor,
  SetupError,
  tensorflowVersion,
} from './lib/native-plan.mjs';

const { env, platform, arch } = process;
const here = dirname(fileURLToPath(import.meta.url));
const compiler = env.CXX || (platform === 'darwin' ? 'c++' : 'g++');
const log = (text) => console.log(text);
const sha256 = (parts) => createHash('sha256').update(JSON.stringify(parts)).digest('hex');

function main() {
  const packages = findPackages();
  const root = cacheRoot(env);
  const gpu = wantsGpu();
  const patch = readFileSync(join(here, '../patches/tfjs-node-binding.patch'), 'utf8');
  const key = sha256([
    ...[tensorflowVersion, packages.version, platform, arch, gpu, root, compiler],
    ...[env.RESTILL_LIBTENSORFLOW ?? '', patch, setupDigest()],
  ]);
  const stamp = join(packages.tfjs, 'lib/restill-setup.json');
  const ready = readStamp(stamp, packages.tfjs, key);
  if (ready) return log(ready);

  log(`setting up native TensorFlow (${gpu ? 'gpu' : 'cpu'}, ${platform} ${arch}); kept in ${root}`);
  mkdirSync(root, { recursive: true });
  const library = env.RESTILL_LIBTENSORFLOW
    ? adoptLibrary(root, env.RESTILL_LIBTENSORFLOW)
    : fetchLibrary(root, planFor({ platform, arch, gpu }));
  const addon = buildAddon(root, library, packages, patch);
  log('  linking them into node_modules');
  link(library.directory, join(packages.tfjs, 'deps'));
  link(join(addon, `lib/napi-v${napiVersion}`), join(packages.tfjs, `lib/napi-v${napiVersion}`));
  log('  checking: one matrix product');
  const found = verify(root);
  const line = `native TensorFlow ${found.version} ready (${found.gpu ? 'gpu' : 'cpu'})`;
  if (gpu && !found.gpu) log('  TensorFlow found no usable GPU (driver too old?); it will use the CPU');
  writeStamp(stamp, packages.tfjs, { key, line, files: filesOf(library) });
  log(line);
}

function findPackages() {
  const require = createRequire(import.meta.url);
  try {
    const manifest = require.resolve('@tensorflow/tfjs-node-gpu/package.json');
    return {
      tfjs: dirname(manifest),
      version: JSON.parse(readFileSync(manifest, 'utf8')).version,
      nodeHeaders: join(dirname(require.resolve('node-api-headers/package.json')), 'include'),
    };
  } catch {
    throw missing.packages(); // not resolvable: npm ci has not run
  }
}

function wantsGpu() {
  const choice = env.RESTILL_TENSORFLOW;
  if (choice !== undefined && choice !== 'cpu' && choice !== 'gpu')
    throw new SetupError(`RESTILL_TENSORFLOW is "${choice}"; it may be cpu or gpu`);
  if (choice !== undefined) return choice === 'gpu';
  return platform === 'linux' && arch === 'x64' && run('nvidia-smi', ['-L'], { timeout: 10_000 }).ok;
}

/** Another version of set-up must look again at what an older one has made. */
function setupDigest() {
  const files = ['setup-native.mjs', 'lib/native-plan.mjs', 'lib/native-files.mjs'];
  return sha256(files.map((name) => readFileSync(join(here, name), 'utf8')));
}

// ---------------------------------------------------------------- the library

/** Downloads and unpacks what `plan` lists, or finds it in the cache. */
function fetchLibrary(root, plan) {
  const name = `${plan.name}-${sha256(plan.wheels).slice(0, 8)}`;
  const directory = publish(root, name, (staging) => {
    checkDownloadTools();
    checkSpace(root, plan.gigabytes);
    for (const wheel of plan.wheels) {
      log(`  downloading ${wheel.requirement} with pip${downloadNote(plan, wheel)}`);
      const file = download(wheel, join(staging, 'download'));
      log(`  unpacking ${wheel.members.length} parts of it`);
      const pairs = wheel.members.map(([prefix, place]) => `${prefix}=${place}`);
      const unpacked = run('python3', [join(here, 'lib/unpack_wheel.py'), file, staging, ...pairs], {
        show: true,
      });
      if (!unpacked.ok)
        throw new SetupError(`the wheel could not be unpacked: ${unpacked.tail}. Run set-up again`);
      rmSync(join(staging, 'download'), { recursive: true });
    }
  });
  return { directory, libraries: plan.libraries };
}

const downloadNote = (plan, wheel) =>
  plan.wheels.length === 1
    ? ` (${plan.megabytes} MB)`
    : ` (${plan.wheels.indexOf(wheel) + 1} of ${plan.wheels.length})`;

function checkDownloadTools() {
  if (platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime)
    throw new SetupError(
      'this system has no glibc (Alpine?), and TensorFlow wheels need it. ' +
        'Use a system or image based on Debian or Red Hat.',
    );
  if (!run('python3', ['--version']).ok) throw missing.python();
  if (!run('python3', ['-m', 'pip', '--version']).ok) throw missing.pip();
}

/**
 * Path of the wheel. Tries the local Python's own wheel first, then one for Python 3.12: its code is not
 * run.
 */
function download(wheel, directory) {
  const progress = process.stdout.isTTY === true;
  let tail = '';
  for (const portable of [false, true]) {
    const result = run('python3', pipArguments(wheel, { directory, portable, progress }), { show: progress });
    const name = result.ok ? readdirSync(directory).find((file) => file.endsWith('.whl')) : undefined;
    if (name !== undefined) return join(directory, name);
    tail = result.tail;
  }
  throw new SetupError(
    `pip could not download ${wheel.requirement}: ${tail}. Check the network, pip's configuration ` +
      '(python3 -m pip config list) and that pip is not too old (python3 -m pip install --upgrade pip), ' +
      'or set RESTILL_LIBTENSORFLOW to a folder with libtensorflow.',
  );
}

/** A folder of the user's own, as lib/ and include/ of a folder in the cache. */
function adoptLibrary(root, given) {
  if (!existsSync(given)) throw new SetupError(`RESTILL_LIBTENSORFLOW: there is no folder ${given}`);
  const home = realpathSync(given);
  const lib = [join(home, 'lib'), home].find((folder) => librariesIn(folder).length > 0);
  if (lib === undefined)
    throw new SetupError(
      `RESTILL_LIBTENSORFLOW: neither ${given} nor ${given}/lib holds libtensorflow_cc or libtensorflow 2 ` +
        'with libtensorflow_framework. Point it at an unpacked libtensorflow, ' +
        'or at the folder of the Python package.',
    );
  const include = [join(home, 'include'), join(lib, '../include')].find((folder) =>
    existsSync(join(folder, 'tensorflow/c/c_api.h')),
  );
  if (include === undefined)
    throw new SetupError(`RESTILL_LIBTENSORFLOW: ${given}/include/tensorflow/c/c_api.h is missing`);
  const libraries = librariesIn(lib);
  const sizes = libraries.map((name) => statSync(join(lib, name)).size);
  const directory = publish(
    root,
    `tensorflow-own-${sha256([lib, include, sizes]).slice(0, 12)}`,
    (staging) => {
      symlinkSync(lib, join(staging, 'lib'), 'dir');
      symlinkSync(include, join(staging, 'include'), 'dir');
    },
  );
  log(`  using the libraries of ${lib}`);
  return { directory, libraries };
}

function librariesIn(folder) {
  const suffix = platform === 'darwin' ? '.2.dylib' : '.so.2';
  const has = (name) => existsSync(join(folder, `${name}${suffix}`));
  const main = ['libtensorflow_cc', 'libtensorflow'].find(has);
  return main && has('libtensorflow_framework')
    ? [`${main}${suffix}`, `libtensorflow_framework${suffix}`]
    : [];
}

// ---------------------------------------------------------------- the addon

/** Compiles the package's own sources, patched in a copy, or finds the result in the cache. */
function buildAddon(root, library, packages, patch) {
  const sources = join(packages.tfjs, 'binding');
  const texts = readdirSync(sources)
    .sort()
    .map((name) => readFileSync(join(sources, name), 'utf8'));
  const flags = compilerArguments({
    platform,
    nodeHeaders: packages.nodeHeaders,
    library: library.directory,
    libraries: library.libraries,
  });
  const digest = sha256([texts, patch, flags.filter((flag) => !flag.startsWith('-I')), compiler]).slice(
    0,
    12,
  );
  const name = `addon-${packages.version}-${platform}-${arch}-${digest}`;
  return publish(root, name, (staging) => {
    if (!run(compiler, ['--version']).ok) throw missing.compiler(compiler);
    log(`  compiling the Node addon with ${compiler} (about 10 s)`);
    cpSync(sources, join(staging, 'binding'), { recursive: true });
    for (const [path, hunks] of parsePatch(patch)) {
      const file = join(staging, path);
      writeFileSync(file, applyHunks(readFileSync(file, 'utf8'), hunks, path));
    }
    mkdirSync(join(staging, `lib/napi-v${napiVersion}`), { recursive: true });
    const compiled = run(compiler, flags, { cwd: staging });
    if (!compiled.ok) throw new SetupError(`the Node addon does not compile:\n${compiled.output}`);
    // The addon finds the libraries by its own place: ../../deps/lib.
    link(library.directory, join(staging, 'deps'));
  });
}

// ---------------------------------------------------------------- the result

/** Loads the package in a process of its own and runs one op. */
function verify(root) {
  const result = run(process.execPath, [join(here, 'verify-native.mjs')], {
    env: { ...env, TF_CPP_MIN_LOG_LEVEL: '2' },
  });
  const line = result.output.split('\n').find((text) => text.startsWith('{"version"'));
  if (result.ok && line !== undefined) return JSON.parse(line);
  if (result.signal === 'SIGILL')
    throw new SetupError('this CPU lacks instructions that TensorFlow wheels use (AVX); use another machine');
  throw new SetupError(
    `native TensorFlow does not run: ${result.tail || result.signal}. Remove ${root} and run set-up again.`,
  );
}

/** Paths that must be there with their size on the next run, seen through the links in node_modules. */
const filesOf = (library) => [
  `lib/napi-v${napiVersion}/tfjs_binding.node`,
  ...library.libraries.map((name) => `deps/lib/${name}`),
];

function writeStamp(stamp, tfjs, { key, line, files }) {
  const sizes = Object.fromEntries(files.map((path) => [path, statSync(join(tfjs, path)).size]));
  writeFileSync(stamp, JSON.stringify({ key, line, sizes }));
}

/** The line to print if nothing has changed since the stamp was written, else null. */
function readStamp(stamp, tfjs, key) {
  try {
    const { key: stamped, line, sizes } = JSON.parse(readFileSync(stamp, 'utf8'));
    const same = Object.entries(sizes).every(([path, size]) => statSync(join(tfjs, path)).size === size);
    return stamped === key && same ? line : null;
  } catch {
    return null; // no stamp, or a file is gone: set up again
  }
}

// ---------------------------------------------------------------- processes

/** Runs a command. `show`: its standard output goes to ours. `tail`: the last line it complained with. */
function run(command, args, { cwd, env: childEnv = env, show = false, timeout } = {}) {
  const result = spawnSync(command, args, {
    cwd,
    env: childEnv,
    timeout,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    stdio: ['ignore', show ? 'inherit' : 'pipe', 'pipe'],
  });
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`;
  const lines = (result.stderr || result.stdout || result.error?.message || '').trim().split('\n');
  return { ok: result.status === 0, output, tail: lines.at(-1) ?? '', signal: result.signal };
}

// ---------------------------------------------------------------- errors

/** What the file system says of the cache or of node_modules, in words. */
const reasons = {
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'not a folder',
};

try {
  main();
} catch (error) {
  const reason = reasons[error.code];
  if (reason === undefined && !(error instanceof SetupError)) throw error;
  const place = error.path ?? cacheRoot(env);
  const fix = 'Mend it, or set RESTILL_CACHE to another folder.';
  console.error(`set-up failed: ${reason === undefined ? error.message : `${place}: ${reason}. ${fix}`}`);
  process.exitCode = 5;
}
