// Whatever comes of a fence, every producer that was opened for it is closed by the next one, or at the end.
// (Transactions themselves: test/integration/roles.test.ts.)
import type { Kafka } from 'kafkajs';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { openTransactions } from '../../src/streams/handing.kafka.ts';

test('a fence that failed leaves nothing open', async () => {
  const open = new Set<string>();
  const refused = new Set(['shop.builder.1']);
  const logger = () => ({ setLogLevel: () => {} });
  const producer = ({ transactionalId }: { readonly transactionalId: string }) => ({
    connect: async () => void open.add(transactionalId),
    transaction: async () => {
      if (refused.has(transactionalId)) throw new Error('The coordinator is not available');
      return { abort: async () => {} };
    },
    disconnect: async () => void open.delete(transactionalId),
  });
  const kafka = { producer, logger } as unknown as Kafka;
  const transactions = openTransactions(kafka, { group: 'shop', roles: parseConfig({}).roles });
  await expect(transactions.fence([0, 1, 2])).rejects.toThrow(/coordinator is not available/);
  expect([...open].sort()).toEqual(['shop.builder.0', 'shop.builder.1', 'shop.builder.2']);
  refused.clear();
  await transactions.fence([2]);
  expect([...open]).toEqual(['shop.builder.2']);
  await transactions.close();
  expect([...open]).toEqual([]);
});
