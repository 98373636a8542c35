"""onnxruntime on the standard ONNX export of the student, as a side of a speed benchmark.

usage: student_onnx.py WORK.json

The export is torch.onnx.export of transformers' BertForSequenceClassification with unknown batch size
and length, as anybody would make it; a batch is padded to its longest sequence.
"""

import os
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy
import onnxruntime
import torch
import transformers

from side import padded, read_work, serve


def main() -> None:
    work = read_work()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = work["threads"]
    options.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as directory:
        file = os.path.join(directory, "model.onnx")
        export(work["model"], file)
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def run(i: int) -> list:
        inputs = padded(work["batches"][i]["sequences"])
        feeds = {name: numpy.array(rows, numpy.int64) for name, rows in inputs.items()}
        return session.run(None, feeds)[0].reshape(-1).tolist()

    versions = {
        "onnxruntime": onnxruntime.__version__,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    serve(work, {"threads": work["threads"], "versions": versions}, run)


def export(directory: str, file: str) -> None:
    model = transformers.BertForSequenceClassification.from_pretrained(directory, num_labels=1)
    model.eval()
    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = tuple(torch.ones(2, 8, dtype=torch.long) for _ in names)
    sizes = {name: {0: "batch", 1: "tokens"} for name in names}
    torch.onnx.export(
        model,
        example,
        file,
        input_names=names,
        output_names=["logits"],
        dynamic_axes={**sizes, "logits": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )


main()
