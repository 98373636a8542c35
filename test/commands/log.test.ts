// Promise 12 in the log: no query, title, user, session or secret, under whatever field and however deep,
// nor a known secret inside a message. One line of JSON per event, with the event's name.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openLog } from '../../src/commands/log.ts';
import { type LogFields, privateFields } from '../../src/telemetry.ts';
import { temporaryDirectory } from '../support/directory.ts';

const secret = 'hunter2 "quoted" \\ é';

/** A log and what has been written to it since it was asked for last. */
function open() {
  const file = join(temporaryDirectory(), 'restill.log');
  const log = openLog(file, [secret, '']);
  let read = 0;
  const lines = (): string[] => {
    const fresh = readFileSync(file, 'utf8').split('\n').slice(read, -1);
    read += fresh.length;
    return fresh;
  };
  const logged = (fields: LogFields): string => {
    log.info('run.started', fields);
    return lines().join('\n');
  };
  return { file, log, lines, logged };
}

describe('the log', () => {
  it('is JSON lines with the name of the event, appended', () => {
    const { file, log, lines } = open();
    log.info('run.started', { files: 2 });
    log.error('run.failed', { code: 'BUG' });
    openLog(file).info('run.finished');
    expect(lines().map((line) => JSON.parse(line) as object)).toMatchObject([
      { level: 'info', event: 'run.started', files: 2, pid: process.pid },
      { level: 'error', event: 'run.failed', code: 'BUG' },
      { level: 'info', event: 'run.finished' },
    ]);
  });

  it.each(privateFields)('never shows %s, four levels deep', (field) => {
    const { logged } = open();
    const nested = [0, 1, 2, 3].map((depth) => nest({ [field]: 'red running shoes' }, depth));
    for (const fields of nested) {
      const line = logged(fields);
      expect(line).not.toContain('red running shoes');
      expect(line).toContain('[redacted]');
    }
  });

  it('shows figures and ids of our own as they are', () => {
    const { logged } = open();
    const figures = {
      id: 'g000001',
      gate: { decision: 'PROMOTE', figures: { ndcg10: 0.5 } },
      offsets: { 'a/0': 3 },
    };
    expect(JSON.parse(logged(figures))).toMatchObject(figures);
  });

  it('never shows a secret, wherever it stands', () => {
    const { logged } = open();
    expect(logged({ message: `cannot log in with ${secret} as x` })).toContain('with [redacted] as x');
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const line = logged({ message: before + secret + after, nested: { [`k${before}`]: secret } });
        expect(line).not.toContain('hunter2');
        expect(() => JSON.parse(line)).not.toThrow();
      }),
      { numRuns: 50 },
    );
  });
});

const nest = (fields: LogFields, depth: number): LogFields =>
  depth === 0 ? fields : { inner: nest(fields, depth - 1) };
