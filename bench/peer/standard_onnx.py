"""The ONNX export that the benchmarks compare ours with: torch.onnx.export of transformers' model, as anybody would
make it, with unknown batch size and length."""

import torch
import transformers


def export_standard(directory: str, file: str) -> None:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(directory, num_labels=1).eval()
    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = tuple(torch.ones((2, 8), dtype=torch.int64) for _ in names)
    axes = {name: {0: "batch_size", 1: "sequence_length"} for name in names}
    with torch.no_grad():
        torch.onnx.export(
            model,
            example,
            file,
            input_names=names,
            output_names=["logits"],
            dynamic_axes={**axes, "logits": {0: "batch_size"}},
            opset_version=17,
            dynamo=False,
        )
