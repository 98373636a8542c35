// evaluation.json: what a verdict rests on, query by query. With it anybody can reckon the intervals again.
// It holds digests and figures, no text.
import type { ArtifactFile } from '../contract.ts';
import type { Trial } from '../evidence.ts';
import { seal } from './sealed-json.ts';

const evaluationName = 'evaluation.json';

export const evaluationFile = ({
  cursor,
  nonFinite,
  spread,
  agreement,
  comparisons,
}: Trial): ArtifactFile => ({
  path: evaluationName,
  bytes: seal({ version: 1, cursor, nonFinite, spread, agreement, comparisons }),
});
