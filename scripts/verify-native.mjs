// Run by set-up in a process of its own: multiplies two matrices through the real package and prints what
// it found.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

// Node 23 dropped two functions of node:util that tfjs-node 4.22.0 calls.
const util = require('node:util');
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
util.isArray ??= Array.isArray;

const tf = require('@tensorflow/tfjs-node-gpu');
const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2])).dataSync();
if (tf.getBackend() !== 'tensorflow') throw new Error(`the backend is ${tf.getBackend()}, not tensorflow`);
if (product.join() !== '19,22,43,50') throw new Error(`a 2 x 2 matrix product gave ${product.join()}`);
const { binding, isUsingGpuDevice } = tf.backend();
console.log(JSON.stringify({ version: binding.TF_Version, gpu: isUsingGpuDevice }));
