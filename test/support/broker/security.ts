// Broker options for SASL and TLS, with certificates made by openssl, and access lists.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrokerOptions } from './broker.ts';

export interface Certificates {
  /** PEM file of the authority. */
  readonly ca: string;
  readonly keystore: string;
}

/** An authority, and a key store of the broker whose certificate is for these names. */
export function makeCertificates(directory: string, names: string): Certificates {
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const authority = ['-keyout', 'ca.key', '-out', 'ca.pem', '-days', '30', '-subj', '/CN=test authority'];
  openssl('req', '-x509', ...key, ...authority);
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=broker');
  writeFileSync(join(directory, 'server.ext'), `subjectAltName=${names}`);
  const sign = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30'];
  openssl('x509', '-req', '-in', 'server.csr', ...sign, '-extfile', 'server.ext', '-out', 'server.pem');
  const parts = ['server.key', 'server.pem', 'ca.pem'].map((name) =>
    readFileSync(join(directory, name), 'utf8'),
  );
  const keystore = join(directory, 'keystore.pem');
  writeFileSync(keystore, parts.join(''));
  return { ca: join(directory, 'ca.pem'), keystore };
}

const login = 'org.apache.kafka.common.security';

/** Listeners SASL (without TLS) and TLS (with it), beside the plain one, which may do everything. */
export function securedBy(
  users: Readonly<Record<string, string>>,
  { keystore, ca }: Certificates,
): BrokerOptions {
  const entries = Object.entries(users);
  const plain = entries.map(([name, password]) => `user_${name}="${password}"`).join(' ');
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'];
  const perListener = ['sasl', 'tls'].flatMap((listener) => [
    [
      `listener.name.${listener}.plain.sasl.jaas.config`,
      `${login}.plain.PlainLoginModule required ${plain};`,
    ],
    ...scram.map((mechanism) => [
      `listener.name.${listener}.${mechanism.toLowerCase()}.sasl.jaas.config`,
      `${login}.scram.ScramLoginModule required;`,
    ]),
  ]);
  return {
    listeners: { SASL: 'SASL_PLAINTEXT', TLS: 'SASL_SSL' },
    format: entries.flatMap(([name, password]) =>
      scram.flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${name},password=${password}]`]),
    ),
    properties: {
      'sasl.enabled.mechanisms': ['PLAIN', ...scram].join(','),
      ...Object.fromEntries(perListener),
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': keystore,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': ca,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      // The plain listener and the controller: without it the broker cannot talk to itself.
      'super.users': 'User:ANONYMOUS',
    },
  };
}
