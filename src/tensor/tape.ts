// Reverse-mode differentiation over a graph: what was computed from what, and how gradients flow back.
import { assert } from '../errors.ts';
import type { Output } from './graph.ts';
import type { Nodes } from './graph-nodes.ts';

/** An input of a recorded op and the gradient that it gets, given the gradients of the op's outputs. */
type Link = readonly [input: Output, gradient: (...outputs: Output[]) => Output];

interface Entry {
  readonly outputs: readonly Output[];
  readonly links: readonly Link[];
}

export class Tape {
  private readonly nodes: Nodes;
  private readonly entries: Entry[] = [];
  /** What depends on a watched tensor. Gradients of anything else are never asked for. */
  private readonly tracked = new Set<Output>();
  private readonly watched = new Set<Output>();
  /** By the first output. Equal nodes are one, so a model that computes something twice records it twice. */
  private readonly recorded = new Set<Output>();

  constructor(nodes: Nodes) {
    this.nodes = nodes;
  }

  watch(source: Output): void {
    this.watched.add(source);
    this.tracked.add(source);
  }

  /** What is watched, in the order of first use. */
  get sources(): readonly Output[] {
    return [...this.watched];
  }

  /** Whether it depends on something watched. */
  tracks(output: Output): boolean {
    return this.tracked.has(output);
  }

  /** Notes how `output` came about; inputs that get no gradient need no link. Returns the output. */
  record(output: Output, ...links: readonly Link[]): Output {
    this.recordMany([output], ...links);
    return output;
  }

  /** The same for an op with several outputs. A gradient needs all of theirs, so each must be used. */
  recordMany(outputs: readonly Output[], ...links: readonly Link[]): readonly Output[] {
    const live = links.filter(([input]) => this.tracked.has(input));
    if (live.length > 0 && !this.recorded.has(outputs[0]!)) {
      this.recorded.add(outputs[0]!);
      this.entries.push({ outputs, links: live });
      for (const output of outputs) this.tracked.add(output);
    }
    return outputs;
  }

  /** Gradients for the sources that y depends on, given that of y; no entry for the others. */
  gradients(y: Output, dy: Output, sources: readonly Output[]): Map<Output, Output> {
    const parts = new Map<Output, Output[]>([[y, [dy]]]);
    const total = (output: Output): Output | null => {
      const found = parts.get(output);
      return found ? this.nodes.addN(found) : null;
    };
    for (const { outputs, links } of this.entries.toReversed()) {
      const gradients = outputs.map(total).filter((gradient) => gradient !== null);
      if (gradients.length === 0) continue;
      assert(gradients.length === outputs.length, `an output of ${outputs[0]} is not part of the loss`);
      for (const [input, gradient] of links) {
        parts.set(input, [...(parts.get(input) ?? []), gradient(...gradients)]);
      }
    }
    return new Map(sources.flatMap((s) => (parts.has(s) ? [[s, total(s)!] as const] : [])));
  }
}
