// Teacher scores are standardised per teacher version, so that a new teacher does not shift the student's
// scale (DESIGN section 7): label = (score - shift) / scale.

export interface Calibration {
  readonly teacherVersion: number;
  /** Mean raw score, in logits. */
  readonly shift: number;
  /** Standard deviation of raw scores, in logits; at least `scaleMin`. */
  readonly scale: number;
}

/** A teacher that gives every document the same score must not be blown up into noise. */
const scaleMin = 1e-3;

/** Fits mean and standard deviation over the raw scores of one teacher version. */
export function fitCalibration(teacherVersion: number, scores: Iterable<number>): Calibration {
  let count = 0;
  let mean = 0;
  let squares = 0;
  for (const score of scores) {
    count++;
    const off = score - mean;
    mean += off / count; // Welford 1962
    squares += off * (score - mean);
  }
  const deviation = count > 1 ? Math.sqrt(squares / count) : 1;
  return { teacherVersion, shift: mean, scale: Math.max(deviation, scaleMin) };
}

export const calibrate = (raw: number, c: Calibration): number => (raw - c.shift) / c.scale;
