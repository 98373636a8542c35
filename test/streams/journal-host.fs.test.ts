// Who holds the lock: this process is itself and alive; a process that has ended, or another one with its
// pid, is not.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { journalHost } from '../../src/streams/journal-host.fs.ts';
import { killed } from '../support/journal-work.ts';

test('this process lives', () => {
  expect(journalHost.self).toContain(`pid ${process.pid}`);
  expect(journalHost.isAlive(journalHost.self)).toBe(true);
});

test.skipIf(process.platform !== 'linux')('another start time or boot is another process', () => {
  const { self, isAlive } = journalHost;
  expect(isAlive(self.replace(/start \d+/, 'start 1'))).toBe(false);
  expect(isAlive(self.replace(/boot \S+/, 'boot 0'))).toBe(false);
  expect(isAlive('nonsense')).toBe(false);
});

test.skipIf(process.platform !== 'linux')('a process lives until it is killed', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
  const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  const described = journalHost.self.replace(/pid \d+ start \d+/, `pid ${child.pid} start ${start}`);
  expect(journalHost.isAlive(described)).toBe(true);
  await killed(child);
  expect(journalHost.isAlive(described)).toBe(false);
});

test('there is nothing to inspect before there is a journal', () => {
  expect(journalHost.inspect('/no/such/directory')).toBe(false);
});
