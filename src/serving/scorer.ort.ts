// A student in onnxruntime. `run` computes on the thread that calls it, whatever its promise suggests: this
// belongs into a process where nothing else waits (docs/decisions/0012).
import type { InferenceSession } from 'onnxruntime-node';
import { assert, RestillError } from '../errors.ts';
import { fillGrid, grids } from './grids.ts';
import type { Engine } from './ports.ts';

export interface ScorerOptions {
  /** That compute one sequence or batch together. */
  readonly threads: number;
}

/**
 * @param model bytes of an ONNX model: int64 input_ids, attention_mask, token_type_ids -> logits [n, 1].
 * @throws RestillError `ENGINE_MISSING` without onnxruntime-node, `MODEL_DAMAGED` if it refuses the model.
 */
export async function openScorer(model: Uint8Array, { threads }: ScorerOptions): Promise<Engine> {
  const runtime = await loadRuntime();
  const session = await runtime.InferenceSession.create(model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Threads that spin while they wait take the processor from whoever else serves or trains here.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  }).catch((cause: unknown) => {
    throw new RestillError('MODEL_DAMAGED', `onnxruntime refuses the student: ${String(cause)}`, { cause });
  });
  const tensor = (data: BigInt64Array, shape: readonly number[]) => new runtime.Tensor('int64', data, shape);
  return {
    async score(sequences) {
      const logits = new Float32Array(sequences.length);
      for (const indices of grids(sequences.map(({ ids }) => ids.length))) {
        const { shape, ids, mask, segments } = fillGrid(indices.map((index) => sequences[index]!));
        const feeds = {
          input_ids: tensor(ids, shape),
          attention_mask: tensor(mask, shape),
          token_type_ids: tensor(segments, shape),
        };
        const scores = await runGrid(session, feeds);
        assert(scores.length === indices.length, 'the graph gives one logit a sequence');
        for (const [i, index] of indices.entries()) logits[index] = scores[i]!;
      }
      return logits;
    },
    dispose: () => session.release(),
  };
}

async function runGrid(session: InferenceSession, feeds: InferenceSession.FeedsType): Promise<Float32Array> {
  const { logits } = await session.run(feeds);
  assert(logits !== undefined, 'the graph has an output named logits');
  return logits.data as Float32Array;
}

async function loadRuntime(): Promise<typeof import('onnxruntime-node')> {
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new RestillError(
      'ENGINE_MISSING',
      'onnxruntime-node cannot be loaded, and serving scores with it; install it beside restill: ' +
        'ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@1.30.0',
      { cause },
    );
  }
}
