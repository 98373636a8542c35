// The consuming thread's first module.
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { assert } from '../errors.ts';
import { serveConsuming } from '../streams/consuming.ts';
import { openDecoder } from '../streams/decode.ts';
import { DecodedPacking } from '../streams/decoded-columns.ts';
import type { IngestStatus } from '../streams/ports.ts';
import { openConnected, openTopic } from './broker.ts';

export interface ConsumingSettings {
  readonly config: Config;
  /** Where the journal is. */
  readonly status: Pick<IngestStatus, 'offsets' | 'fingerprints'>;
}

assert(parentPort !== null, 'this module is started as a thread');
const { config, status } = workerData as ConsumingSettings;
await serveConsuming({
  port: parentPort,
  packing: new DecodedPacking(openDecoder(config), config.records.documentsShared),
  timer: systemClock,
  open: ({ notice, note }) =>
    openConnected(config, {
      note,
      open: (broker) => openTopic({ config, broker, status, notice, bounds: { from: null, until: null } }),
    }),
});
