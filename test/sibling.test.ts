// Threads start from the sources in a checkout and from compiled files in a package.
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { processEntry, threadEntry } from '../src/sibling.ts';

test('compiled: the compiled file beside the one that asks', () => {
  const entry = threadEntry('file:///opt/restill/dist/streams/source.js', './thread.fs');
  expect(entry.href).toBe('file:///opt/restill/dist/streams/thread.fs.js');
});

test('a process: the same file, and tsx where it is a source', () => {
  const compiled = processEntry('file:///opt/restill/dist/commands/child.js', '../process');
  expect([compiled.module.href, compiled.execArgv]).toEqual(['file:///opt/restill/dist/process.js', []]);
  const source = processEntry('file:///opt/restill/src/commands/child.ts', '../process');
  expect(source.module.href).toBe('file:///opt/restill/src/process.ts');
  expect(source.execArgv).toEqual(['--import', import.meta.resolve('tsx')]);
});

test('from source: a thread that reads TypeScript; paths may hold any sign', async () => {
  const odd = threadEntry('file:///opt/a%20%22b%22/it%27s.ts', './thread');
  expect(decodeURIComponent(odd.pathname)).toContain('"file:///opt/a%20%22b%22/thread.ts"');
  const entry = threadEntry(import.meta.url, '../src/streams/reading-thread.fs');
  const worker = new Worker(entry, { execArgv: [] });
  worker.postMessage({ recording: 1, message: { kind: 'open', path: '/no/such/file', bytesMax: 1 } });
  const said = await new Promise((resolve) => worker.once('message', resolve));
  expect(said).toMatchObject({ recording: 1, message: { kind: 'failed' } });
  await worker.terminate();
});
