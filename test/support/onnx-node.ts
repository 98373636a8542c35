// Runs ONNX models as users of onnxruntime in Node do: nothing of ours between.
import { InferenceSession, Tensor } from 'onnxruntime-node';

export interface Sequence {
  readonly ids: readonly number[];
  readonly segments: readonly number[];
}

/** Logits, batch after batch; each batch is padded to its longest sequence. */
export async function nodeLogits(
  model: string,
  batches: readonly (readonly Sequence[])[],
): Promise<number[]> {
  const session = await InferenceSession.create(model);
  const logits: number[] = [];
  for (const batch of batches) {
    const { logits: found } = await session.run(feeds(batch));
    if (`${found!.dims}` !== `${batch.length},1`) throw new Error(`logits of shape ${found!.dims}`);
    logits.push(...(found!.data as Float32Array));
  }
  await session.release();
  return logits;
}

/** One row for each sequence, zeros behind. */
function feeds(sequences: readonly Sequence[]): Record<string, Tensor> {
  const longest = Math.max(...sequences.map(({ ids }) => ids.length));
  const tensor = (rows: readonly (readonly number[])[]) => {
    const padded = rows.flatMap((row) => Array.from({ length: longest }, (_, i) => BigInt(row[i] ?? 0)));
    return new Tensor('int64', BigInt64Array.from(padded), [rows.length, longest]);
  };
  return {
    input_ids: tensor(sequences.map(({ ids }) => ids)),
    attention_mask: tensor(sequences.map(({ ids }) => ids.map(() => 1))),
    token_type_ids: tensor(sequences.map(({ segments }) => segments)),
  };
}
