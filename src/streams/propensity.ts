// Propensities: how probable it is that a user looks at a position.
//
// `estimated` follows the position-based model (Craswell et al., WSDM 2008):
//   P(click | query, document, position) = theta[position] * gamma[query, document]
// A click needs a look, and a result that attracts. Both factors are estimated online, as running ratios of
// what was observed to what the other factor lets expect:
//   theta[k] = clicks at k / sum of gamma over what was shown at k
//   gamma[c] = clicks on c / sum of theta over where c was shown
// the coordinate-wise maxima of the likelihood where clicks are rare (the Poisson limit). The
// expectation-maximisation of Wang et al. (WSDM 2018) looks for the same model but is far too slow online: at
// ten clicks per hundred results nearly everything that it completes is its own guess. A stepwise form of it,
// fed with 40,000 simulated pages in random order, was still wrong by up to 0.24; these ratios by 0.03.
//
// Invariants:
// 1. theta[1] = 1: only products are observed, so the scale is a convention. Propensities are in [floor, 1].
// 2. gamma at a page is what was known before that page, so no click explains itself.
// 3. Memory is fixed: gammas live in `propensity.cells` cells, found by hash. Pairs that share a cell share a
//    gamma, which blurs them: with n pairs a pair is alone with probability about exp(-n / cells).
//
// Not guaranteed: only documents that are shown at several positions tell position from attraction. Rankings
// in random order, or a share of explored ones, identify theta; where every ranking is fixed nothing does:
// theta * gamma fits the clicks, but lower positions are blamed for the worse documents that stand there, and
// the table is the better choice. A page says what it says when it closes; clicks that come later are not
// learnt from.
import type { Config } from '../config.ts';
import type { Result } from '../contract.ts';
import { hash32 } from '../hash.ts';
import { foreignFormat, type Saved } from './slot-table.ts';
import type { StateEntry } from './state.ts';

/** First byte of every value (the rest of the first eight is zero). A reader refuses any other. */
const version = 1;
const headBytes = 8;
/** Cells per slot of the journal: as many as fit one 4 KiB page of LMDB with all headers. */
const pageCells = 504;
/** The start values count as much as this many clicks at position 1. */
const startClicks = 5;
/** Results shown at a position after which what was seen there counts half: follows a changed page layout. */
const halfLifeResults = 50_000;
/** Sum of theta at which a cell is halved: follows a changed document, and keeps float32 exact enough. */
const cellMassMax = 256;
/** Attraction of an unknown pair before there is a mean, and what that is worth in looks. */
const startGamma = 0.3;
const startLooks = 100;

export class Propensities {
  readonly #mode: Config['propensity']['mode'];
  readonly #floor: number;
  /** Propensity by position from 1; the last holds for all below. */
  readonly #theta: number[];
  readonly #cells: number;
  /** Per cell: clicks, sum of theta. */
  readonly #cellSums: Float32Array;
  /** Per position: clicks, sum of gamma; at the end the same over all cells: clicks, sum of theta. */
  readonly #sums: Float64Array;
  /** 1 for each slot of cells that changed since the last drain. */
  readonly #dirtyPages: Uint8Array;

  /** @throws RestillError JOURNAL_FOREIGN if a value was written in another format. */
  constructor(config: Config, saved: Saved) {
    const { mode, floor, table, cells } = config.propensity;
    this.#mode = mode;
    this.#floor = floor;
    this.#theta = table.map((value) => clamp(value, floor));
    this.#cells = cells;
    this.#cellSums = new Float32Array(mode === 'estimated' ? 2 * cells : 0);
    this.#dirtyPages = new Uint8Array(Math.ceil(this.#cellSums.length / 2 / pageCells));
    this.#sums = new Float64Array(2 * table.length + 2);
    table.forEach((value, at) => {
      const gamma = startClicks * startGamma;
      this.#sums.set([(gamma * value) / table[0]!, gamma], 2 * at);
    });
    this.#sums.set([startLooks * startGamma, startLooks], 2 * table.length);
    for (const entry of saved.entries) if (entry.table === 'propensity') this.#restore(entry);
    if (mode === 'estimated') this.#normalise();
  }

  /** In (0, 1]. */
  of(position: number): number {
    if (this.#mode === 'none') return 1;
    return this.#theta[Math.min(position, this.#theta.length) - 1]!;
  }

  /** Learns from a page. `queryKey` is a hash of the query, `clicked` holds indices of results. */
  observe(queryKey: string, results: readonly Result[], clicked: ReadonlySet<number>): void {
    if (this.#mode !== 'estimated') return;
    const all = this.#sums.length - 2;
    const gammaMean = this.#sums[all]! / this.#sums[all + 1]!;
    for (let index = 0; index < results.length; index++)
      this.#observeResult(queryKey, results[index]!, clicked.has(index) ? 1 : 0, gammaMean);
    this.#normalise();
  }

  /** Appends the slots that changed since the last drain to `changes`. */
  drain(changes: StateEntry[]): void {
    if (!this.#dirtyPages.includes(1)) return;
    for (const [page, isDirty] of this.#dirtyPages.entries()) {
      if (isDirty === 0) continue;
      const value = encode(this.#cellSums.subarray(2 * pageCells * page, 2 * pageCells * (page + 1)));
      changes.push({ table: 'propensity', slot: page + 1, value });
    }
    changes.push({ table: 'propensity', slot: 0, value: encode(this.#sums) });
    this.#dirtyPages.fill(0);
  }

  #observeResult(queryKey: string, result: Result, click: number, gammaMean: number): void {
    const cell = hash32(queryKey + result.documentId) % this.#cells;
    const at = Math.min(result.position, this.#theta.length) - 1;
    const theta = this.#theta[at]!;
    const cells = this.#cellSums;
    // One look's worth of the mean: a pair seen once is not all or nothing.
    const gamma = (cells[2 * cell]! + gammaMean) / (cells[2 * cell + 1]! + 1);

    const keep = 1 - Math.LN2 / halfLifeResults;
    this.#sums[2 * at] = this.#sums[2 * at]! * keep + click;
    this.#sums[2 * at + 1] = this.#sums[2 * at + 1]! * keep + gamma;
    const all = this.#sums.length - 2;
    this.#sums[all] = this.#sums[all]! * keep + click;
    this.#sums[all + 1] = this.#sums[all + 1]! * keep + theta;

    const halve = cells[2 * cell + 1]! >= cellMassMax ? 0.5 : 1;
    cells[2 * cell] = cells[2 * cell]! * halve + click;
    cells[2 * cell + 1] = cells[2 * cell + 1]! * halve + theta;
    this.#dirtyPages[Math.floor(cell / pageCells)] = 1;
  }

  #normalise(): void {
    // Never zero: a topic may show nothing at position 1, or nothing that is clicked.
    const first = Math.max(this.#sums[0]! / this.#sums[1]!, Number.EPSILON);
    for (let at = 0; at < this.#theta.length; at++)
      this.#theta[at] = clamp(this.#sums[2 * at]! / this.#sums[2 * at + 1]! / first, this.#floor);
  }

  #restore(entry: StateEntry): void {
    if (entry.value === null) return;
    if (entry.value[0] !== version) throw foreignFormat(entry.table, entry.slot, entry.value[0]);
    // A copy: the journal's bytes need not be aligned.
    const { buffer } = Uint8Array.from(entry.value.subarray(headBytes));
    if (entry.slot === 0) this.#sums.set(new Float64Array(buffer));
    else this.#cellSums.set(new Float32Array(buffer), 2 * pageCells * (entry.slot - 1));
  }
}

const clamp = (value: number, floor: number): number => Math.min(1, Math.max(floor, value));

/** Numbers as they stand in memory: little-endian on every machine that Node runs restill on. */
function encode(numbers: Float32Array | Float64Array): Uint8Array {
  const bytes = new Uint8Array(headBytes + numbers.byteLength);
  bytes[0] = version;
  bytes.set(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength), headBytes);
  return bytes;
}
