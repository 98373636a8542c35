"""restill's ONNX export beside torch.onnx's of the same weights, in onnxruntime.

usage: onnx_speed.py TASK.json

TASK: {"model": a Hugging Face directory, "ours": {name: file}, "batches": [[lengths]], "rounds", "threads"}.
Every batch is padded to its longest sequence, as servers pad. The sessions take turns, a round of the one after a
round of the other; wall and processor time of each are medians over the rounds. Prints one JSON object.
"""

import contextlib
import json
import os
import statistics
import sys
import tempfile
import time

import numpy as np
import onnxruntime
import torch

from standard_onnx import export_standard

# From here on warnings and progress go to standard error: the answer has a stream of its own.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def open_session(file: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A session that spins while it waits would take the processor from the one whose turn it is.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def feeds(lengths: list[int], vocabulary: int, random: np.random.Generator) -> dict:
    longest = max(lengths)
    mask = (np.arange(longest)[None] < np.array(lengths)[:, None]).astype(np.int64)
    ids = random.integers(1, vocabulary, mask.shape) * mask
    segments = (np.arange(longest)[None] > 4).astype(np.int64) * mask
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": segments}


def measure(sessions: dict, batches: list[dict], rounds: int) -> dict:
    times = {name: [] for name in sessions}
    for round_ in range(rounds + 1):
        for name, session in sessions.items():
            wall, cpu = time.perf_counter(), time.process_time()
            for batch in batches:
                session.run(None, batch)
            if round_ > 0:  # the first one warms up
                times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    count = sum(len(batch["input_ids"]) for batch in batches)
    return {
        name: {
            "sequences_per_second": round(count / statistics.median(w for w, _ in pairs), 2),
            "cpu_ms_per_sequence": round(1000 * statistics.median(c for _, c in pairs) / count, 4),
        }
        for name, pairs in times.items()
    }


def main(task_file: str) -> None:
    with open(task_file) as file:
        task = json.load(file)
    with open(os.path.join(task["model"], "config.json")) as file:
        vocabulary = json.load(file)["vocab_size"]
    random = np.random.default_rng(1)
    batches = [feeds(lengths, vocabulary, random) for lengths in task["batches"]]
    with tempfile.TemporaryDirectory() as scratch:
        standard = os.path.join(scratch, "standard.onnx")
        with contextlib.redirect_stdout(sys.stderr):
            export_standard(task["model"], standard)
        files = {"torch_onnx": standard, **task["ours"]}
        sessions = {name: open_session(file, task["threads"]) for name, file in files.items()}
        expected = sessions["torch_onnx"].run(None, batches[0])[0]
        differences = {
            name: float(np.abs(session.run(None, batches[0])[0] - expected).max())
            for name, session in sessions.items()
        }
        results = measure(sessions, batches, task["rounds"])
    versions = {"onnxruntime": onnxruntime.__version__, "torch": torch.__version__}
    print(json.dumps({"results": results, "differences": differences, "versions": versions}), file=answers)


if __name__ == "__main__":
    main(sys.argv[1])
