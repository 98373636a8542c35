"""The loop of a side of a speed benchmark: see bench/speed/side.ts, which starts it and tells it what to
do."""

import json
import os
import sys
import time

# Libraries print what they like; the answers have a stream of their own.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def read_work() -> dict:
    with open(sys.argv[-1]) as file:
        return json.load(file)


def serve(work: dict, hello: dict, run) -> None:
    """Answers until standard input closes. `run(i)` does the i-th batch and returns its values as a list."""
    tell(hello)
    for line in sys.stdin:
        tell(do_round(work, json.loads(line)["sweeps"], run))


def do_round(work: dict, sweeps: int, run) -> dict:
    losses, values = [], []
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(sweeps):
        for i in range(len(work["batches"])):
            values = run(i)
            if work["task"] == "train":
                losses += values
    return {
        "seconds": time.perf_counter() - start,
        "cpuSeconds": time.process_time() - cpu,
        "peakMiB": peak_mib(),
        "values": losses if work["task"] == "train" else values,
    }


def peak_mib() -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024


def tell(what: dict) -> None:
    print(json.dumps(what), file=answers, flush=True)


def padded(sequences: list, pad: int = 0) -> dict:
    """Lists of ids, segments and mask, as long as the longest sequence."""
    longest = max(len(sequence["ids"]) for sequence in sequences)
    fill = lambda values, with_: values + [with_] * (longest - len(values))
    return {
        "input_ids": [fill(sequence["ids"], pad) for sequence in sequences],
        "token_type_ids": [fill(sequence["segments"], 0) for sequence in sequences],
        "attention_mask": [fill([1] * len(sequence["ids"]), 0) for sequence in sequences],
    }
