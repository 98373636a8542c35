// A process that is done ends: at once where nothing is left open, soon where something is, and then it says
// what. Its exit code is the one that was set.
import { execFileSync, spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

const module = new URL('../../src/commands/lingering.ts', import.meta.url).href;
const programOf = (rest: string): string[] => [
  '--import',
  'tsx',
  '--input-type=module',
  '--eval',
  `const { leaveSoon } = await import(${JSON.stringify(module)});
  leaveSoon({ info: (event, fields) => console.log(event, fields.resources.join()) });
  ${rest}`,
];

test('is left although a server listens', () => {
  const left = 'const { createServer } = await import("node:net"); createServer().listen(0, "127.0.0.1");';
  const { status, stdout } = spawnSync(process.execPath, programOf(`${left} process.exitCode = 5;`), {
    encoding: 'utf8',
    timeout: 50_000,
  });
  expect(status).toBe(5);
  expect(stdout).toMatch(/^run\.lingering .*TCPServerWrap/);
});

test('says nothing where nothing is left', () => {
  expect(execFileSync(process.execPath, programOf(''), { encoding: 'utf8', timeout: 50_000 })).toBe('');
});
