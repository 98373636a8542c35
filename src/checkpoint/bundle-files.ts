// The files of a bundle, by format. What each server wants, and from where that is known, stands in
// docs/serving.md.
import { createHash } from 'node:crypto';
import type { ArtifactFile, Manifest, Tensors } from '../contract.ts';
import type { BertConfig } from '../tensor/model-config.ts';
import { encodeSafetensors } from '../tensor/safetensors.ts';
import { type Bundle, bundleName, encodeBundle, goldenName, modelFiles } from './bundle.ts';
import { encodeGolden, type GoldenVector } from './golden.ts';
import { modelCard } from './model-card.ts';
import { encodeStudent } from './onnx-student.ts';
import { encodeFrozenStudent } from './saved-model.ts';
import { encodeZip } from './zip.ts';

/** A student ready to be served, and the proof of what it says. */
export interface BundleParts {
  readonly manifest: Manifest;
  readonly bundle: Bundle;
  readonly config: BertConfig;
  /** As they are served: see `servedWeights`. */
  readonly weights: Tensors;
  /** config.json and the tokenizer's files, as the generation has them. */
  readonly texts: readonly ArtifactFile[];
  readonly golden: readonly GoldenVector[];
}

/**
 * All files, each path relative to the bundle.
 *
 * @throws RestillError `MODEL_UNSUPPORTED` for too large a model.
 */
export function bundleFiles(parts: BundleParts): ArtifactFile[] {
  const { bundle, manifest, config, golden } = parts;
  const { layers, hidden, vocabulary } = config;
  const shape = { layers, hidden, vocabulary, tokensMax: bundle.tokensMax };
  return [
    ...modelOf(parts),
    { path: goldenName, bytes: encodeGolden(golden) },
    { path: bundleName, bytes: encodeBundle(bundle) },
    { path: 'README.md', bytes: Buffer.from(modelCard(manifest, shape, bundle)) },
  ];
}

function modelOf({ bundle, config, weights, texts }: BundleParts): ArtifactFile[] {
  const { format, generation, weightsSha256, precision } = bundle;
  const path = modelFiles[format];
  const metadata = { generation, weightsSha256, precision, tokensMax: String(bundle.tokensMax) };
  const onnx = () => encodeStudent(config, weights, { precision, metadata });
  switch (format) {
    case 'hf':
      return [...texts, { path, bytes: encodeSafetensors(weights) }];
    case 'onnx':
    case 'triton':
      return [...texts, { path, bytes: onnx() }];
    case 'tfserving':
      return [...texts, { path, bytes: encodeFrozenStudent(config, weights) }];
    case 'opensearch': {
      const tokenizer = texts.filter((file) => file.path === 'tokenizer.json');
      const zip = encodeZip([{ path: 'model.onnx', bytes: onnx() }, ...tokenizer]);
      return [
        { path, bytes: zip },
        { path: 'register.json', bytes: Buffer.from(registration(bundle, zip, texts)) },
      ];
    }
  }
}

/** The body of `POST _plugins/_ml/models/_register`; the url is where the operator puts the archive. */
function registration(
  { generation, tokensMax }: Bundle,
  zip: Uint8Array,
  texts: readonly ArtifactFile[],
): string {
  const config = texts.find((file) => file.path === 'config.json')!;
  const body = {
    name: 'restill-student',
    version: generation,
    function_name: 'TEXT_SIMILARITY',
    model_format: 'ONNX',
    model_content_size_in_bytes: zip.length,
    model_content_hash_value: createHash('sha256').update(zip).digest('hex'),
    model_config: {
      model_type: 'bert',
      embedding_dimension: 1,
      framework_type: 'huggingface_transformers',
      model_max_length: tokensMax,
      all_config: JSON.stringify(JSON.parse(Buffer.from(config.bytes).toString())),
    },
    url: 'PUT THE ADDRESS OF model.zip HERE',
  };
  return `${JSON.stringify(body, null, 2)}\n`;
}

/** Triton's config.pbtxt, beside the version folders. */
export const tritonConfig = (): string => `platform: "onnxruntime_onnx"
max_batch_size: 64
input [
${['input_ids', 'attention_mask', 'token_type_ids']
  .map((name) => `  { name: "${name}" data_type: TYPE_INT64 dims: [ -1 ] }`)
  .join(',\n')}
]
output [
  { name: "logits" data_type: TYPE_FP32 dims: [ 1 ] }
]
version_policy: { latest { num_versions: 2 } }
`;
