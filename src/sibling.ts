// How a module of ours is started beside the one that runs, in a thread or a process of its own: from its
// source in a checkout, compiled in a package (docs/decisions/0004-run-from-source-launcher.md).

/**
 * @param from `import.meta.url` of the module that asks.
 * @param path relative to that, without its ending.
 * @returns what to start a thread from.
 */
export function threadEntry(from: string, path: string): URL {
  if (!from.endsWith('.ts')) return new URL(`${path}.js`, from);
  // What tsx has put into this thread does not reach into another one on Node 20.
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const module = JSON.stringify(new URL(`${path}.ts`, from).href);
  const program = `import { register } from ${tsx}; register(); await import(${module});`;
  return new URL(`data:text/javascript,${encodeURIComponent(program)}`);
}

/**
 * @param from as above.
 * @param path as above.
 * @returns what to fork, and what Node must load before it.
 */
export function processEntry(from: string, path: string): { module: URL; execArgv: string[] } {
  const isSource = from.endsWith('.ts');
  return {
    module: new URL(`${path}${isSource ? '.ts' : '.js'}`, from),
    execArgv: isSource ? ['--import', import.meta.resolve('tsx')] : [],
  };
}
