// The Python that files are checked against (RESTILL_PYTHON names one; test/golden/requirements.txt is what
// it needs). Tests skip in one line where it is absent; CI fails instead.
import { spawnSync } from 'node:child_process';

const interpreter = process.env.RESTILL_PYTHON ?? 'python3';

/** An interpreter that has these modules, or null. In CI absence is an error. */
export function pythonWith(...modules: string[]): string | null {
  // Looked for and not imported: torch alone takes seconds.
  const names = JSON.stringify(modules);
  const look = `import sys, importlib.util as u; sys.exit(not all(map(u.find_spec, ${names})))`;
  if (spawnSync(interpreter, ['-c', look]).status === 0) return interpreter;
  const message =
    `${interpreter} lacks ${modules.join(' or ')} (RESTILL_PYTHON names another; ` +
    'pip install -r test/golden/requirements.txt)';
  if (process.env.CI) throw new Error(message);
  console.warn(`skipped: ${message}`);
  return null;
}

/** Runs a program; its standard output. What it says on standard error is in the error when it fails. */
export function runPython(
  python: string,
  args: readonly string[],
  o: { input?: Uint8Array | string; env?: Readonly<Record<string, string>> } = {},
): Buffer {
  const env = { ...process.env, ...o.env };
  const result = spawnSync(python, args, { input: o.input, env, maxBuffer: 1 << 28 });
  if (result.status !== 0) throw new Error(`${args[0]} failed: ${result.stderr.toString().slice(-4000)}`);
  return result.stdout;
}
