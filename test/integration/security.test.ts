// Passwords, certificates and access lists on a real Apache Kafka: what fits gets in by every mechanism, what
// does not has its own name, at the start and while it runs.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openTransactions } from '../../src/streams/handing.kafka.ts';
import { openKafka } from '../../src/streams/kafka-client.kafka.ts';
import { type Broker, startBroker } from '../support/broker/broker.ts';
import { canRunKafka } from '../support/broker/jars.ts';
import { noSecrets, openLive, quickly } from '../support/broker/live.ts';
import { makeCertificates, securedBy } from '../support/broker/security.ts';
import { createTopic, produce, withAdmin } from '../support/broker/topic.ts';
import { journalConfig, recordOf } from '../support/records.ts';

const users = { reader: 'let me read', stranger: 'who am I', loner: 'no group', builder: 'no ids' };

describe.skipIf(!canRunKafka())('a broker that is secured', () => {
  const directory = mkdtempSync(join(tmpdir(), 'restill-tls-'));
  let broker: Broker;
  let ca: string;

  const allow = (
    operation: AclOperationTypes,
    resourceType: AclResourceTypes,
    resourceName: string,
    user = 'reader',
  ) => ({
    ...{ operation, resourceType, resourceName, host: '*', principal: `User:${user}` },
    permissionType: AclPermissionTypes.ALLOW,
    resourcePatternType: ResourcePatternTypes.LITERAL,
  });
  const readTopic = allow(AclOperationTypes.READ, AclResourceTypes.TOPIC, 'clicks');

  beforeAll(async () => {
    const certificates = makeCertificates(directory, 'DNS:broker.test');
    ca = readFileSync(certificates.ca, 'utf8');
    broker = await startBroker(securedBy(users, certificates));
    await createTopic(broker.bootstrap, 'clicks', 1);
    await produce(broker.bootstrap, [recordOf(0, 0, 1)]);
    const readGroups = allow(AclOperationTypes.READ, AclResourceTypes.GROUP, '*');
    const ungrouped = allow(AclOperationTypes.READ, AclResourceTypes.TOPIC, 'clicks', 'loner');
    const writing = allow(AclOperationTypes.WRITE, AclResourceTypes.TOPIC, 'clicks', 'builder');
    await withAdmin(broker.bootstrap, (admin) =>
      admin.createAcls({ acl: [readTopic, readGroups, ungrouped, writing] }),
    );
  });
  afterAll(async () => {
    await broker?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const read = async (listener: string, kafka: object, password: string, authority: string | null = null) => {
    const settings = { retries_max: 1, ...kafka };
    const config = journalConfig({}, { kafka: quickly(broker.address(listener), settings) });
    const secrets = { ...noSecrets, password, ca: authority };
    const source = await openLive({ config, secrets, group: `group-${Math.random()}` });
    try {
      return await source.read(0);
    } finally {
      await source.close();
    }
  };
  const sasl = (mechanism: string, username = 'reader') => ({
    sasl: { mechanism, username, password: { env: 'NOT_ASKED_FOR' } },
  });

  test.each(['plain', 'scram-sha-256', 'scram-sha-512'])('%s', async (mechanism) => {
    expect(await read('SASL', sasl(mechanism), users.reader)).toHaveLength(1);
    await expect(read('SASL', sasl(mechanism), 'guessed')).rejects.toMatchObject({
      code: 'KAFKA_DENIED',
      message: expect.not.stringContaining('guessed'),
    });
  });

  test('TLS wants the right authority and the right name', async () => {
    const tls = (server_name: string | null) => ({ ...sasl('plain'), tls: { ca: 'a file', server_name } });
    expect(await read('TLS', tls('broker.test'), users.reader, ca)).toHaveLength(1);
    await expect(read('TLS', tls(null), users.reader, ca)).rejects.toMatchObject({ code: 'KAFKA_UNTRUSTED' });
    await expect(read('TLS', tls('broker.test'), users.reader)).rejects.toMatchObject({
      code: 'KAFKA_UNTRUSTED',
    });
  });

  test('a user who may not read the topic', async () => {
    await expect(read('SASL', sasl('plain', 'stranger'), users.stranger)).rejects.toMatchObject({
      code: 'KAFKA_DENIED',
    });
  });

  test('a user who may not read the group, although that shows as one without a coordinator', async () => {
    await expect(read('SASL', sasl('plain', 'loner'), users.loner)).rejects.toMatchObject({
      code: 'KAFKA_DENIED',
      message: expect.stringContaining('READ the group'),
    });
  });

  test('a builder whose user may not use its transactional ids', async () => {
    const settings = quickly(broker.address('SASL'), { retries_max: 1, ...sasl('plain', 'builder') });
    const { kafka: client, roles } = journalConfig({}, { kafka: settings });
    const secrets = { ...noSecrets, password: users.builder };
    const kafka = openKafka(client, secrets, { note: () => {}, timer: systemClock });
    const transactions = openTransactions(kafka, { group: 'shop', roles });
    await expect(transactions.fence([0], () => false)).rejects.toMatchObject({
      code: 'KAFKA_DENIED',
      message: expect.stringContaining('transactional ids'),
    });
    await transactions.close();
  });

  test('READ taken away while it runs ends the source by name', async () => {
    const config = journalConfig({}, { kafka: quickly(broker.address('SASL'), sasl('plain')) });
    const source = await openLive({ config, secrets: { ...noSecrets, password: users.reader } });
    expect(await source.read(0)).toHaveLength(1);
    const revoked = { ...readTopic, operation: AclOperationTypes.READ };
    await withAdmin(broker.bootstrap, (admin) => admin.deleteAcls({ filters: [revoked] }));
    const reading = async (): Promise<void> => {
      for (;;) await source.read(0);
    };
    await expect(reading()).rejects.toMatchObject({ code: 'KAFKA_DENIED' });
    await source.close();
  });
});
