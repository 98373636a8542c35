// Whatever comes of a fence, every producer that was opened for it is closed by the next one, or at the end;
// and one that is over fences nobody any more. (Transactions themselves: test/integration/roles.test.ts.)
import type { Kafka } from 'kafkajs';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { openTransactions } from '../../src/streams/handing.kafka.ts';

const { roles } = parseConfig({});

/** Producers that only say who is open, and who has fenced. */
function quietClient(refused: ReadonlySet<string> = new Set()) {
  const open = new Set<string>();
  const fenced: string[] = [];
  const producer = ({ transactionalId }: { readonly transactionalId: string }) => ({
    connect: async () => void open.add(transactionalId),
    transaction: async () => {
      if (refused.has(transactionalId)) throw new Error('The coordinator is not available');
      fenced.push(transactionalId);
      return { abort: async () => {} };
    },
    disconnect: async () => void open.delete(transactionalId),
  });
  const logger = () => ({ setLogLevel: () => {} });
  return { kafka: { producer, logger } as unknown as Kafka, open, fenced };
}

test('a fence that failed leaves nothing open', async () => {
  const refused = new Set(['shop.builder.1']);
  const { kafka, open } = quietClient(refused);
  const isOver = () => false;
  const transactions = openTransactions(kafka, { group: 'shop', roles });
  await expect(transactions.fence([0, 1, 2], isOver)).rejects.toThrow(/coordinator is not available/);
  expect([...open].sort()).toEqual(['shop.builder.0', 'shop.builder.1', 'shop.builder.2']);
  refused.clear();
  await transactions.fence([2], isOver);
  expect([...open]).toEqual(['shop.builder.2']);
  await transactions.close();
  expect([...open]).toEqual([]);
});

test('a fence that is over while it connects fences nobody more', async () => {
  const { kafka, open, fenced } = quietClient();
  const transactions = openTransactions(kafka, { group: 'shop', roles });
  await transactions.fence([0, 1, 2], () => fenced.length > 0);
  expect(fenced).toEqual(['shop.builder.0']);
  await transactions.close();
  expect([...open]).toEqual([]);
});
