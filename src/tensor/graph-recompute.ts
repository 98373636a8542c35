// Gradient checkpointing: Chen et al. 2016, arXiv 1604.06174. What a segment computes inside is not kept from
// the forward to the backward pass: the backward pass computes it again, from the segment's input.
//
// Invariants:
// 1. The second run starts when the gradient of the segment's output is known: its input waits for that. So
//    one segment's insides are held at a time, and TensorFlow cannot merge the two runs into one.
// 2. Both runs are the same ops on the same numbers: the gradients are those without, to the bit.
import type { Output } from './graph.ts';
import type { GraphOps } from './graph-ops.ts';
import { Tape } from './tape.ts';

/** body(x), recorded as one op. */
export function recomputed(ops: GraphOps, x: Output, body: (x: Output) => Output): Output {
  const { nodes, tape } = ops;
  const isAsked = tape.tracks(x);
  const first = new Tape(nodes);
  const y = ops.onTape(first, () => body(x));
  const parameters = first.sources;
  for (const parameter of parameters) tape.watch(parameter);

  const backward = once((dy: Output) => {
    const second = new Tape(nodes);
    const [node] = dy.split(':');
    const again = nodes.effect('Identity', [x, `^${node}`], { T: { type: 'float32' } });
    if (isAsked) second.watch(again);
    const value = ops.onTape(second, () => body(again));
    const found = second.gradients(value, dy, [again, ...parameters]);
    return (input: Output) => found.get(input === x ? again : input)!;
  });
  const links = [x, ...parameters].map((input) => [input, (dy: Output) => backward(dy)(input)] as const);
  return tape.record(y, ...links);
}

/** A segment's gradients are found together, at the first one asked for. */
function once<R>(compute: (dy: Output) => R): (dy: Output) => R {
  let known: { readonly value: R } | null = null;
  return (dy) => {
    known ??= { value: compute(dy) };
    return known.value;
  };
}
