// What native set-up takes from where, by platform. Pure: no files, no processes, so that it can be tested
// anywhere.
//
// Tried: Linux x64 on CPU. Not tried for want of such machines, only as far as the wheels could be read
// elsewhere (member names, run paths): Linux arm64, macOS arm64, and every GPU variant.

/** A failure that the user can mend. The message says what was found, what was expected and what to do. */
export class SetupError extends Error {}

export const tensorflowVersion = '2.20.0';
export const napiVersion = 8;

/** The `and-cuda` extra of the TensorFlow wheel, from its metadata. Untested: no GPU at hand. */
const cudaRequirements = [
  'nvidia-cublas-cu12>=12.5.3.2,<13.0',
  'nvidia-cuda-cupti-cu12>=12.5.82,<13.0',
  'nvidia-cuda-nvcc-cu12>=12.5.82,<13.0',
  'nvidia-cuda-nvrtc-cu12>=12.5.82,<13.0',
  'nvidia-cuda-runtime-cu12>=12.5.82,<13.0',
  'nvidia-cudnn-cu12>=9.3.0.75,<10.0',
  'nvidia-cufft-cu12>=11.2.3.61,<12.0',
  'nvidia-curand-cu12>=10.3.6.82,<11.0',
  'nvidia-cusolver-cu12>=11.6.3.83,<12.0',
  'nvidia-cusparse-cu12>=12.5.1.3,<13.0',
  'nvidia-nccl-cu12>=2.25.1,<3.0',
  'nvidia-nvjitlink-cu12>=12.5.82,<13.0',
];

/** The headers of the C API and what they include, by prefix. */
const headers = ['tensorflow/c/', 'tensorflow/core/platform/ctstring', 'tsl/platform/ctstring', 'xla/tsl/c/'];

const linuxTags = (machine) => [`manylinux_2_17_${machine}`, `manylinux2014_${machine}`];

/**
 * `wheel`: the distribution on the package index. `megabytes`: its download. `gigabytes`: disk that set-up
 * needs.
 */
const builds = {
  'linux x64 cpu': { wheel: 'tensorflow-cpu', tags: linuxTags('x86_64'), megabytes: 259, gigabytes: 1.5 },
  'linux x64 gpu': { wheel: 'tensorflow', tags: linuxTags('x86_64'), megabytes: 3000, gigabytes: 12 },
  'linux arm64 cpu': { wheel: 'tensorflow', tags: linuxTags('aarch64'), megabytes: 260, gigabytes: 1.7 },
  'darwin arm64 cpu': {
    wheel: 'tensorflow',
    tags: ['macosx_12_0_arm64'],
    megabytes: 201,
    gigabytes: 1.4,
  },
};

/**
 * The wheels to download and what to unpack from them, as `[prefix in the wheel, place in the library
 * folder]`.
 *
 * The library folder holds lib/, include/ and, with a GPU, nvidia/ beside lib/: the libraries look for CUDA
 * under `$ORIGIN/../nvidia`.
 *
 * @throws SetupError where TensorFlow has no wheel for the platform.
 */
export function planFor({ platform, arch, gpu }) {
  const build = builds[`${platform} ${arch} ${gpu ? 'gpu' : 'cpu'}`];
  if (!build)
    throw new SetupError(
      `TensorFlow ${tensorflowVersion} has no ${gpu ? 'GPU' : 'CPU'} build for ${platform} ${arch}. ` +
        'Use Linux x64 or arm64, or macOS on arm64 (on Windows: WSL2), ' +
        'or set RESTILL_LIBTENSORFLOW to a folder with a libtensorflow of your own.',
    );
  const suffix = platform === 'darwin' ? '.2.dylib' : '.so.2';
  const libraries = [`libtensorflow_cc${suffix}`, `libtensorflow_framework${suffix}`];
  const tensorflow = {
    requirement: `${build.wheel}==${tensorflowVersion}`,
    tags: build.tags,
    members: [
      ...libraries.map((name) => [`tensorflow/${name}`, `lib/${name}`]),
      ...headers.map((prefix) => [`tensorflow/include/${prefix}`, `include/${prefix}`]),
    ],
  };
  const cuda = cudaRequirements.map((requirement) => ({
    requirement,
    tags: ['manylinux_2_27_x86_64', ...linuxTags('x86_64'), 'manylinux1_x86_64'],
    members: [['nvidia/', 'nvidia/']],
  }));
  return {
    name: `tensorflow-${tensorflowVersion}-${gpu ? 'gpu' : 'cpu'}-${platform}-${arch}`,
    wheels: gpu ? [tensorflow, ...cuda] : [tensorflow],
    libraries,
    megabytes: build.megabytes,
    gigabytes: build.gigabytes,
  };
}

/** Arguments of `python3` that download one wheel. `portable`: whatever the version of the local Python. */
export function pipArguments(wheel, { directory, portable, progress }) {
  const platform = ['--python-version', '3.12', '--implementation', 'cp'];
  return [
    ...['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check'],
    ...['--progress-bar', progress ? 'on' : 'off', '--dest', directory],
    ...(portable ? [...platform, ...wheel.tags.flatMap((tag) => ['--platform', tag])] : []),
    wheel.requirement,
  ];
}

/**
 * Arguments of the C++ compiler that build the addon in a folder with binding/ and a place lib/napi-v8/ for
 * it. N-API keeps its ABI over Node versions, so one addon serves them all.
 */
export function compilerArguments({ platform, nodeHeaders, library, libraries }) {
  const mac = platform === 'darwin';
  return [
    ...[
      '-O2',
      '-std=c++17',
      '-shared',
      '-fPIC',
      `-DNAPI_VERSION=${napiVersion}`,
      '-DBUILDING_NODE_EXTENSION',
    ],
    ...[`-I${nodeHeaders}`, '-I.', `-I${library}/include`],
    ...['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc', `-L${library}/lib`],
    ...(mac
      ? [...libraries.map((name) => `${library}/lib/${name}`), '-undefined', 'dynamic_lookup']
      : libraries.map((name) => `-l:${name}`)),
    `-Wl,-rpath,${mac ? '@loader_path' : '$ORIGIN'}/../../deps/lib`,
    ...['-o', `lib/napi-v${napiVersion}/tfjs_binding.node`],
  ];
}

/** What to do about a tool that is not there. */
export const missing = {
  python: () =>
    new SetupError(
      'python3 was not found; set-up needs it with pip to download TensorFlow. ' +
        'Install it (Debian, Ubuntu: apt-get install python3 python3-pip; macOS: brew install python), ' +
        'or set RESTILL_LIBTENSORFLOW to a folder with libtensorflow.',
    ),
  pip: () =>
    new SetupError(
      'python3 has no pip; set-up needs it to download TensorFlow. ' +
        'Install it (Debian, Ubuntu: apt-get install python3-pip; elsewhere: python3 -m ensurepip), ' +
        'or set RESTILL_LIBTENSORFLOW to a folder with libtensorflow.',
    ),
  compiler: (name) =>
    new SetupError(
      `the C++ compiler ${name} was not found; set-up compiles TensorFlow's Node addon with it. ` +
        'Install it (Debian, Ubuntu: apt-get install g++; macOS: xcode-select --install), ' +
        'or set CXX to another compiler.',
    ),
  packages: () =>
    new SetupError(
      'the npm packages @tensorflow/tfjs-node-gpu and node-api-headers were not found. Run: npm ci',
    ),
  space: ({ directory, free, needed }) =>
    new SetupError(
      `${directory} has ${free.toFixed(1)} GB of free disk space; set-up needs ${needed.toFixed(1)} GB. ` +
        'Free some, or set RESTILL_CACHE to a folder on a larger disk.',
    ),
};
