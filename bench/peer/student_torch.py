"""sentence-transformers' CrossEncoder as a side of a speed benchmark: trains with its MarginMSELoss, or
scores.

usage: student_torch.py [--dropout] WORK.json

A training step is forward on the positives, forward on the negatives (the loss does two passes),
backward through all parameters, clipping by global norm, torch's AdamW. Each pass is padded to its
longest sequence, as the library does. Sequences come as token ids, so that no side spends time on
tokenizing. Without --dropout there is none: the same work as ours. With it, 0.1: what the library does
by default.
"""

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import sentence_transformers
import torch
import transformers
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder.losses import MarginMSELoss

from side import padded, read_work, serve


def main() -> None:
    work = read_work()
    torch.set_num_threads(work["threads"])
    torch.manual_seed(1)
    dropout = 0.1 if "--dropout" in sys.argv else 0.0
    model = CrossEncoder(
        work["model"],
        num_labels=1,
        device="cpu",
        activation_fn=torch.nn.Identity(),
        config_kwargs={"attention_probs_dropout_prob": dropout, "hidden_dropout_prob": dropout},
    )
    hello = {
        "threads": torch.get_num_threads(),
        "versions": {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "sentence-transformers": sentence_transformers.__version__,
        },
    }
    serve(work, hello, trainer(model, work) if work["task"] == "train" else scorer(model, work))


def trainer(model: CrossEncoder, work: dict):
    model.train()
    loss_of = MarginMSELoss(model)
    # Its forward pairs each text with its query; ours are encoded with it already.
    loss_of.logits_from_pairs = lambda pairs, **_: logits(model, [sequence for _, sequence in pairs])
    decays = lambda name: not ("LayerNorm" in name or name.endswith("bias"))
    parameters = list(model.named_parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for name, p in parameters if decays(name)], "weight_decay": work["weightDecay"]},
            {"params": [p for name, p in parameters if not decays(name)], "weight_decay": 0.0},
        ],
        lr=work["learningRate"],
    )

    def run(i: int) -> list:
        batch = work["batches"][i]
        half = len(batch["sequences"]) // 2
        scores = torch.tensor(batch["scores"])
        columns = [[None] * half, batch["sequences"][:half], batch["sequences"][half:]]
        loss = loss_of(columns, scores[:half] - scores[half:])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), work["clipNorm"])
        optimizer.step()
        optimizer.zero_grad()
        return [loss.item()]

    return run


def logits(model: CrossEncoder, sequences: list) -> torch.Tensor:
    """What it does with texts, from the ids on: a tensor each, padded to the longest."""
    inputs = {name: torch.tensor(rows) for name, rows in padded(sequences).items()}
    return model(inputs)["scores"].view(-1)


def scorer(model: CrossEncoder, work: dict):
    model.eval()

    def run(i: int) -> list:
        with torch.inference_mode():
            return logits(model, work["batches"][i]["sequences"]).tolist()

    return run


main()
