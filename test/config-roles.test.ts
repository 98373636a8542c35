// The `roles` section: three topics that are three, and none of it decides about what is learnt.
import { expect, test } from 'vitest';
import { configDigest, parseConfig, streamsDigest } from '../src/config.ts';

test('topics between the roles have names of their own', () => {
  const { pages, state, partitions } = parseConfig({}).roles;
  expect([pages, state, partitions]).toEqual(['restill.pages', 'restill.state', null]);
  expect(() => parseConfig({ roles: { pages: 'x', state: 'x' } })).toThrow(/different ones/);
  expect(() => parseConfig({ topic: 'clicks', roles: { state: 'clicks' } })).toThrow(/different ones/);
  expect(() => parseConfig({ roles: { pages: 'a topic' } })).toThrow(/expected the name of a topic/);
});

test('scorers need both topics and a teacher that is asked', () => {
  const remote = { kind: 'remote', remote: { url: 'http://localhost:8000', api: 'vllm' } };
  const [groups, labels] = ['restill.groups', 'restill.labels'];
  expect(parseConfig({ teacher: remote, roles: { groups, labels } }).roles).toMatchObject({ groups, labels });
  expect(() => parseConfig({ teacher: remote, roles: { groups } })).toThrow(/belong together/);
  expect(() => parseConfig({ roles: { groups, labels } })).toThrow(/needs teacher.remote/);
});

test('a run may be split up and put together again: no digest changes', () => {
  const [one, other] = [parseConfig({}), parseConfig({ roles: { pages: 'p', replication: 3 } })];
  expect(configDigest(other)).toBe(configDigest(one));
  expect(streamsDigest(other)).toBe(streamsDigest(one));
});
