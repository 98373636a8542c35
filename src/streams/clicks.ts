// What the clicks on one page say: which results were wanted, and which were passed over.
//
// - A pair (query -> result) is a satisfied click.
// - Skip-above: a satisfied click is better than every unclicked result above it, for users read from the top
//   (Joachims, KDD 2002).
// - Skip-next: it is better than the unclicked result directly below, which eye tracking shows to be looked
//   at in most cases (Joachims et al., SIGIR 2005, "Click > No-Click Next").
// A result that was clicked, satisfied or not, is never the worse one.
//
// Weights: 1 / propensity of the better one's position, clipped to `propensity.weight_max`. Only satisfied
// clicks make terms, and a wanted result at position k makes one only if k was examined, so each term is
// divided by that probability (propensity-weighted ranking, Joachims, Swaminathan and Schnabel, WSDM 2017).
// The worse one's examination needs no factor of its own: that it was seen is what the two rules assume.
import type { Config } from '../config.ts';
import type { GroupResult, PreferenceIndices } from '../contract.ts';

/** Whether a click of this dwell is a sign of relevance. An unknown dwell (null) counts as long enough. */
export const isSatisfied = (dwellMs: number | null, config: Config): boolean =>
  dwellMs === null || dwellMs >= config.clicks.satisfiedDwell;

/** Indices of the results for continued pre-training. */
export const pairsOf = (results: readonly GroupResult[]): number[] =>
  results.flatMap((result, index) => (result.satisfied ? [index] : []));

/**
 * All preferences of the page, the closest two results first (their being seen together is the surest), then
 * from the top: so a cut to `clicks.preferences_max` keeps the best founded.
 */
export function preferencesOf(results: readonly GroupResult[], config: Config): PreferenceIndices[] {
  const preferences: PreferenceIndices[] = [];
  results.forEach((result, better) => {
    if (!result.satisfied) return;
    const weight = Math.min(config.propensity.weightMax, 1 / result.propensity);
    const lowest = config.clicks.skipNext ? better + 1 : better - 1;
    const highest = config.clicks.skipAbove ? 0 : better + 1;
    for (let worse = highest; worse <= lowest; worse++)
      if (results[worse]?.clicked === false) preferences.push({ better, worse, weight });
  });
  return preferences.sort(
    (a, b) =>
      Math.abs(a.better - a.worse) - Math.abs(b.better - b.worse) || a.better - b.better || a.worse - b.worse,
  );
}
