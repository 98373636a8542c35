// Reads what the configuration points to: passwords from the environment or from files, PEM texts from files.
import { readFileSync } from 'node:fs';
import type { Config } from '../config.ts';
import type { KafkaConfig } from '../config-kafka.ts';
import { RestillError } from '../errors.ts';
import type { Secrets } from '../streams/kafka-client.kafka.ts';

type Secret = NonNullable<KafkaConfig['sasl']>['password'];

/** @throws RestillError SECRET_UNREADABLE naming the place, never the value. */
export function readSecrets({ tls, sasl }: KafkaConfig): Secrets {
  return {
    password: sasl && read('kafka.sasl.password', sasl.password),
    ca: tls?.ca ? readPlace('kafka.tls.ca', tls.ca) : null,
    certificate: tls?.certificate ? readPlace('kafka.tls.certificate', tls.certificate) : null,
    key: tls?.key ? read('kafka.tls.key', tls.key) : null,
  };
}

/** Of a remote teacher; null where it has none. Errors as for `readSecrets`. */
export const readTeacherToken = ({ remote }: Config['teacher']): string | null =>
  remote?.token ? read('teacher.remote.token', remote.token) : null;

/** Of `restill serve`; null where clients need none. Errors as for `readSecrets`. */
export const readServeToken = ({ token }: Config['serve']): string | null =>
  token === null ? null : read('serve.token', token);

/** Of the operators of the console; null where nobody may. Errors as for `readSecrets`. */
export const readOperatorToken = ({ token }: Config['admin']): string | null =>
  token && read('admin.token', token);

/** What the log must mask, whoever writes it. */
export function secretTexts({ password, key }: Secrets): string[] {
  return [password, key].filter((text) => text !== null);
}

function read(name: string, secret: Secret): string {
  if ('file' in secret) return readPlace(name, secret.file);
  const value = process.env[secret.env];
  if (value !== undefined && value !== '') return value;
  throw new RestillError(
    'SECRET_UNREADABLE',
    `${name} is to be in the environment variable ${secret.env}, which is ` +
      `${value === undefined ? 'not set' : 'empty'}; set it, or give {file: PATH}`,
  );
}

function readPlace(name: string, file: string): string {
  const text = readText(name, file);
  if (text !== '') return text;
  throw new RestillError(
    'SECRET_UNREADABLE',
    `${name} is to be in the file ${file}, which is empty; write it there`,
  );
}

function readText(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch (cause) {
    throw new RestillError(
      'SECRET_UNREADABLE',
      `${name} is to be in the file ${file}, which cannot be read ` +
        `(${(cause as NodeJS.ErrnoException).code}); ` +
        'put it there and let restill read it',
      { cause },
    );
  }
}
