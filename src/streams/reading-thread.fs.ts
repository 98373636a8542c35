// The reading thread's first module.
import { parentPort } from 'node:worker_threads';
import { assert } from '../errors.ts';
import { serveRecordings } from './reading-service.fs.ts';

assert(parentPort !== null, 'this module is started as a thread');
serveRecordings(parentPort);
