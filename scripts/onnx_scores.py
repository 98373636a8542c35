"""Logits of ONNX models, by onnxruntime: what `restill verify --python` compares golden vectors with.

usage: onnx_scores.py < REQUEST.json > ANSWER.json

REQUEST: [{"model": file, "batches": [[{"ids": [...], "segments": [...]}]]}]. The sequences of a batch are padded to
its longest one. ANSWER: for each model and batch the list of logits. A model that onnx finds wrong (where the package
onnx is there) or that onnxruntime does not load ends the program.
"""

import json
import sys

import numpy as np
import onnxruntime

try:
    import onnx
except ImportError:
    onnx = None


def padded(batch: list[dict]) -> dict:
    longest = max(len(sequence["ids"]) for sequence in batch)
    rows = lambda values: np.array([v + [0] * (longest - len(v)) for v in values], dtype=np.int64)
    return {
        "input_ids": rows([sequence["ids"] for sequence in batch]),
        "attention_mask": rows([[1] * len(sequence["ids"]) for sequence in batch]),
        "token_type_ids": rows([sequence["segments"] for sequence in batch]),
    }


def logits(model: str, batches: list[list[dict]]) -> list[list[float]]:
    if onnx is not None:
        onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    answers = [session.run(["logits"], padded(batch))[0] for batch in batches]
    assert all(answer.shape == (len(batch), 1) for answer, batch in zip(answers, batches))
    return [answer[:, 0].tolist() for answer in answers]


if __name__ == "__main__":
    json.dump([logits(task["model"], task["batches"]) for task in json.load(sys.stdin)], sys.stdout)
