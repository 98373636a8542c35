// The real thread: an error of the broker comes out of it by its name, and a thread that dies is an error and
// no hang. (That it reads: test/integration.)
import { expect, test } from 'vitest';
import { openConsumer } from '../../src/commands/consumer.ts';
import { type Config, parseConfig } from '../../src/config.ts';

const status = { offsets: {}, fingerprints: {} };
const telling = { notice: () => {}, note: () => {} };

test('a broker that is not there', async () => {
  const kafka = { brokers: ['127.0.0.1:1'], connect_timeout: '1s', retries_max: 0 };
  const config = parseConfig({ topic: 'clicks', kafka });
  await expect(openConsumer({ config, status }, telling)).rejects.toMatchObject({
    code: 'KAFKA_UNREACHABLE',
  });
});

test('a thread that dies', async () => {
  const config = {} as Config; // A mistake of ours.
  await expect(openConsumer({ config, status }, telling)).rejects.toMatchObject({
    code: 'BUG',
    message: expect.stringContaining('the thread that reads the topic died: '),
  });
});
