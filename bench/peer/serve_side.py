"""A peer of `restill serve`, as a side of a benchmark: texts in, scores out, in this process.

usage: serve_side.py WORK.json --as standard|ours|sentence-transformers

WORK: {"model": a Hugging Face directory, "onnx": restill's export of it, "tokensMax", "threads", "requests":
[{"query", "documents"}]}. `standard` and `ours` are onnxruntime on torch.onnx.export's file and on restill's,
a request padded to its longest sequence; `sentence-transformers` is CrossEncoder.predict as it comes. Every
answer has the seconds of each request as its values, and the scores of the first one.
"""

import json
import os
import sys
import tempfile
import time

os.environ["HF_HUB_OFFLINE"] = "1"

# Libraries print what they like; the answers have a stream of their own.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import onnxruntime
import torch
import transformers

from standard_onnx import export_standard


def onnx_scorer(work: dict, standard: bool):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = work["threads"]
    options.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as scratch:
        file = os.path.join(scratch, "standard.onnx") if standard else work["onnx"]
        if standard:
            export_standard(work["model"], file)
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    tokenizer = transformers.AutoTokenizer.from_pretrained(work["model"])

    def score(request: dict) -> list:
        documents = request["documents"]
        feeds = tokenizer(
            [request["query"]] * len(documents),
            documents,
            truncation="only_second",
            max_length=work["tokensMax"],
            padding=True,
            return_tensors="np",
        )
        return session.run(None, dict(feeds))[0].reshape(-1).tolist()

    return score


def cross_encoder_scorer(work: dict):
    from sentence_transformers import CrossEncoder

    torch.set_num_threads(work["threads"])
    model = CrossEncoder(work["model"], num_labels=1, max_length=work["tokensMax"], device="cpu")

    def score(request: dict) -> list:
        pairs = [(request["query"], document) for document in request["documents"]]
        scores = model.predict(pairs, activation_fn=torch.nn.Identity(), show_progress_bar=False)
        return [float(value) for value in scores]

    return score


def tell(what: dict) -> None:
    print(json.dumps(what), file=answers, flush=True)


def main() -> None:
    file, _, kind = sys.argv[-1], *sys.argv[-3:-1]
    with open(file) as opened:
        work = json.load(opened)
    if kind == "sentence-transformers":
        score = cross_encoder_scorer(work)
    else:
        score = onnx_scorer(work, kind == "standard")
    versions = {"onnxruntime": onnxruntime.__version__, "torch": torch.__version__}
    tell({"threads": work["threads"], "versions": versions})
    for line in sys.stdin:
        seconds, scores, cpu = [], [], time.process_time()
        for _ in range(json.loads(line)["sweeps"]):
            for request in work["requests"]:
                start = time.perf_counter()
                scores.append(score(request))
                seconds.append(time.perf_counter() - start)
        cpu_seconds = time.process_time() - cpu
        tell({"seconds": sum(seconds), "cpuSeconds": cpu_seconds, "values": seconds, "scores": scores[0]})


if __name__ == "__main__":
    main()
