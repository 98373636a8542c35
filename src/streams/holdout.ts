import type { Config } from '../config.ts';
import { hashUnit } from '../hash.ts';

/**
 * Promise 7: whether a query is held out from all training. A function of the normalised query, the seed and
 * the share alone, so the same at every time, in every process and for every partition.
 * A larger share holds out a superset.
 */
export const isHoldout = (normalized: string, config: Config): boolean =>
  hashUnit(normalized, config.seed) < config.holdout.share;
