// bundle.json: what an exported directory is and how its student reads, for programs. README.md says it to
// people.
import { z } from 'zod';
import { RestillError } from '../errors.ts';

export const formats = ['hf', 'onnx', 'triton', 'tfserving', 'opensearch'] as const;
export type Format = (typeof formats)[number];

export const bundleName = 'bundle.json';
export const goldenName = 'golden.jsonl';

/** The file of the model, by format, relative to the bundle. */
export const modelFiles: Readonly<Record<Format, string>> = {
  hf: 'model.safetensors',
  onnx: 'onnx/model.onnx', // where Text Embeddings Inference and transformers.js look
  triton: 'model.onnx',
  tfserving: 'saved_model.pb',
  opensearch: 'model.zip',
};

const bundleSchema = z.strictObject({
  version: z.literal(1),
  format: z.enum(formats),
  generation: z.string(),
  weightsSha256: z.string(),
  precision: z.enum(['float32', 'int8']),
  /** Query and document together; the document is cut, from its end. */
  tokensMax: z.int().positive(),
  positions: z.int().positive(),
  segments: z.enum(['bert', 'none']),
  /** How far a logit may be from the golden one. */
  tolerance: z.number().positive(),
  /** What 8 bits cost, measured on the golden texts, and on judged queries where there were any. */
  cost: z.record(z.string(), z.number()),
});

export type Bundle = z.infer<typeof bundleSchema>;

export const encodeBundle = (bundle: Bundle): Uint8Array =>
  Buffer.from(`${JSON.stringify(bundle, null, 2)}\n`);

/** @throws RestillError `INPUT_UNREADABLE` naming the key. */
export function decodeBundle(text: string): Bundle {
  try {
    return bundleSchema.parse(JSON.parse(text));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : 'no JSON';
    throw new RestillError('INPUT_UNREADABLE', `${bundleName}: ${reason}; export the bundle again`, {
      cause,
    });
  }
}
