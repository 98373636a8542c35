// Against a real server that checks signatures, permissions and checksums (see support/s3-server.ts).
// Invariants:
// - objects are put, in one piece and in parts, listed, read back and removed as an ObjectStore promises
// - an upload in parts that breaks off leaves neither an object nor its parts
// - a store that has too much to do is asked again, so many times
// - a bucket, a signature, a key, a permission and an endpoint that are wrong are told apart, each with what
//   to do; so are no credentials, no region and no package
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type BucketOptions, openBucket } from '../../src/checkpoint/object-store.s3.ts';
import type { ObjectStore } from '../../src/checkpoint/upload.ts';
import type { ByteSource } from '../../src/tensor/safetensors.ts';
import { type Account, canRunS3, root, type S3Server, startS3, stranger } from '../support/s3-server.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const source = (bytes: Uint8Array): ByteSource => ({
  bytes: bytes.length,
  read: (at, length) => bytes.subarray(at, at + length),
});
const region = 'us-east-1';

function credentials({ access, secret }: Account): void {
  vi.stubEnv('AWS_ACCESS_KEY_ID', access);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secret);
}

beforeEach(() => {
  credentials(root);
  // Nothing of this machine's own, and no question to a cloud.
  for (const name of ['AWS_SESSION_TOKEN', 'AWS_PROFILE', 'AWS_REGION']) vi.stubEnv(name, undefined);
  for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/dev/null');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
});
afterEach(() => vi.unstubAllEnvs());

describe.runIf(canRunS3())('a bucket', () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3(['models', 'full']);
  });
  afterAll(() => server.stop());

  /** Closed by the end of the test. */
  async function bucket(options: Partial<BucketOptions> = {}): Promise<ObjectStore> {
    return openBucket({ bucket: 'models', endpoint: server.url, region, attempts: 1, ...options });
  }

  it.each([
    ['nothing', 0],
    ['a few bytes', 5],
    ['just one part', 5 << 20],
    ['a byte more than a part', (5 << 20) + 1],
    ['two parts and a half', 5 * (5 << 19)],
  ])('keeps %s', async (name, size) => {
    const store = await bucket({ partBytes: 5 << 20 });
    const bytes = randomBytes(size);
    const key = `shop/7/${name.replaceAll(' ', '-')}.bin`;
    await store.put(key, source(bytes));
    expect(await store.digest(key)).toEqual({ bytes: size, sha256: sha256(bytes) });
    expect(Buffer.compare(readFileSync(join(server.directory, 'models', key)), bytes)).toBe(0);
    expect(await store.list(key)).toEqual([key]);
    await store.remove(key);
    await store.remove(key);
    expect([await store.list('shop/7/'), await store.digest(key)]).toEqual([[], null]);
  });

  it('keeps parts without checksums too, for stores that know none', async () => {
    vi.stubEnv('AWS_REQUEST_CHECKSUM_CALCULATION', 'WHEN_REQUIRED');
    const store = await bucket({ partBytes: 5 << 20 });
    const bytes = randomBytes(6 << 20);
    await store.put('plain', source(bytes));
    expect((await store.digest('plain'))?.sha256).toBe(sha256(bytes));
  });

  it('lists what begins so, ascending', async () => {
    const store = await bucket({ bucket: 'full' });
    for (const key of ['b/7/z', 'b/7/a/x', 'b/70/a', 'c']) await store.put(key, source(Buffer.from(key)));
    expect(await store.list('b/7/')).toEqual(['b/7/a/x', 'b/7/z']);
    expect(await store.list('b/')).toEqual(['b/7/a/x', 'b/7/z', 'b/70/a']);
    await store.put('c', source(Buffer.from('anew')));
    expect((await store.digest('c'))?.bytes).toBe(4);
  });

  it('keeps nothing of parts that break off', async () => {
    const store = await bucket({ partBytes: 5 << 20 });
    const broken: ByteSource = {
      bytes: 11 << 20,
      read: (at, length) => {
        if (at > 0) throw new Error('the disk is gone');
        return new Uint8Array(length);
      },
    };
    await expect(store.put('shop/8/model', broken)).rejects.toThrow(/the disk is gone/);
    expect(await store.list('shop/8/')).toEqual([]);
    const parts = join(server.directory, 'models', '.sgwtmp', 'multipart');
    expect(existsSync(parts) ? readdirSync(parts) : []).toEqual([]);
  });

  /** The server behind one that is busy for the first requests. Signatures hold: the host is kept. */
  async function busyAtFirst(
    requests: number,
  ): Promise<{ readonly url: string; readonly asked: () => number }> {
    let asked = 0;
    const front = createServer((request, response) => {
      if (++asked <= requests)
        return response
          .writeHead(503)
          .end('<Error><Code>SlowDown</Code><Message>slow down</Message></Error>');
      const { method, url, headers } = request;
      const onward = forward(`${server.url}${url}`, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onward);
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      front.closeAllConnections();
      front.close();
    });
    return { url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`, asked: () => asked };
  }

  it('is tried again when it has too much to do', async () => {
    const front = await busyAtFirst(2);
    const store = await bucket({ endpoint: front.url, attempts: 3 });
    const bytes = randomBytes(1000);
    await store.put('patience', source(bytes));
    expect(front.asked()).toBe(3);
    expect((await store.digest('patience'))?.sha256).toBe(sha256(bytes));
  });

  it('is given up after so many tries', async () => {
    const front = await busyAtFirst(Infinity);
    const store = await bucket({ endpoint: front.url, attempts: 2 });
    await expect(store.list('a')).rejects.toMatchObject({
      code: 'BUCKET_UNREACHABLE',
      message: expect.stringContaining('slow down'),
    });
    expect(front.asked()).toBe(2);
  });

  it.each<[string, Partial<BucketOptions>, Account | null, string, RegExp]>([
    ['no such bucket', { bucket: 'none' }, root, 'BUCKET_REFUSED', /bucket none, has no such bucket: make/],
    [
      'another secret',
      {},
      { ...root, secret: 'wrong' },
      'BUCKET_REFUSED',
      /signature: check AWS_SECRET_ACCESS_KEY/,
    ],
    ['an unknown key', {}, { access: 'nobody', secret: 'x' }, 'BUCKET_REFUSED', /does not know these/],
    ['no permission', {}, stranger, 'BUCKET_REFUSED', /they need s3:ListBucket, s3:GetObject, s3:PutObject/],
    ['no credentials', {}, null, 'BUCKET_REFUSED', /there are none: set AWS_ACCESS_KEY_ID/],
    ['another region', { region: 'eu-west-9' }, root, 'BUCKET_REFUSED', /--s3-region/],
    ['no region', { region: null }, root, 'USAGE', /give --s3-region, or set AWS_REGION/],
  ])('says so when there is %s', async (_, options, account, code, message) => {
    credentials(account ?? { access: '', secret: '' });
    const store = await bucket(options);
    const calls = [
      () => store.list('a'),
      () => store.digest('a'),
      () => store.put('a', source(Buffer.of(1))),
    ];
    for (const call of calls) {
      const error: unknown = await call().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
      // Whatever prints an error prints its cause: no signed request may be in it.
      expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/Signature=|AWS4-HMAC/);
    }
  });
});

describe('what is no bucket', () => {
  const at = (endpoint: string) => openBucket({ bucket: 'models', endpoint, region, attempts: 1 });

  it.each([
    ['does not listen', 'http://127.0.0.1:9'],
    ['has no address', 'http://nowhere.invalid'],
  ])('is named when it %s', async (_, endpoint) => {
    await expect((await at(endpoint)).list('a')).rejects.toMatchObject({
      code: 'BUCKET_UNREACHABLE',
      message: expect.stringMatching(new RegExp(`^${endpoint}.*does not answer .*check --s3-endpoint`)),
    });
  });

  it('is the package that is not installed', async () => {
    const missing = () => Promise.reject(Object.assign(new Error('x'), { code: 'ERR_MODULE_NOT_FOUND' }));
    const opened = openBucket({ bucket: 'models', endpoint: null, region }, missing);
    await expect(opened).rejects.toMatchObject({
      code: 'PACKAGE_MISSING',
      message: expect.stringContaining('npm install @aws-sdk/client-s3'),
    });
  });
});
