"""onnxruntime on the standard ONNX export of the student, as a side of a speed benchmark.

usage: student_onnx.py WORK.json

The export is standard_onnx.py's; a batch is padded to its longest sequence.
"""

import os
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy
import onnxruntime
import torch
import transformers

from side import padded, read_work, serve
from standard_onnx import export_standard


def main() -> None:
    work = read_work()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = work["threads"]
    options.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as directory:
        file = os.path.join(directory, "model.onnx")
        export_standard(work["model"], file)
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


main()
