// The decoding thread's first module.
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../errors.ts';
import { type DecodingSettings, serveDecoding } from './decoding.ts';

assert(parentPort !== null, 'this module is started as a thread');
serveDecoding(parentPort, workerData as DecodingSettings);
