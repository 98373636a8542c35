"""sentence-transformers' CrossEncoder learns teacher margins, then scores pairs.

usage: cross_encoder.py TASK.json ANSWER.json

The batches, their order, the learning rate and its warm-up are those of restill's student, so that what
differs is the implementation: model head, loss, optimizer and padding are sentence-transformers' and torch's
own.
Known to work with sentence-transformers 6.2.0, transformers 5.23.0, torch 2.15.0.
"""

import json
import sys
import time

import torch
from sentence_transformers import CrossEncoder, __version__
from sentence_transformers.cross_encoder.losses import MarginMSELoss


def main(task_file: str, answer_file: str) -> None:
    with open(task_file) as file:
        task = json.load(file)
    torch.set_num_threads(task["threads"])
    torch.manual_seed(task["seed"])
    model = CrossEncoder(task["model"], num_labels=1, max_length=task["tokens_max"], device="cpu")
    started = time.monotonic()
    loss = train(model, task)
    seconds = time.monotonic() - started
    model.eval()
    scores = model.predict(
        task["ask"], batch_size=64, activation_fn=torch.nn.Identity(), show_progress_bar=False
    )
    notes = {"distill.loss": loss, "sentence_transformers": __version__, "train_seconds": round(seconds, 1)}
    with open(answer_file, "w") as file:
        json.dump({"scores": [float(score) for score in scores], "notes": notes}, file)


def train(model: CrossEncoder, task: dict) -> float:
    """One AdamW step a batch. Returns the mean loss."""
    margin_mse = MarginMSELoss(model, activation_fn=torch.nn.Identity())
    decayed = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": task["weight_decay"]}, {"params": rest, "weight_decay": 0.0}],
        lr=task["learning_rate"],
    )
    model.train()
    total = 0.0
    for step, batch in enumerate(task["batches"], start=1):
        rate = task["learning_rate"] * min(1.0, step / (task["warmup_steps"] + 1))
        for group in optimizer.param_groups:
            group["lr"] = rate
        queries, positives, negatives, margins = (list(column) for column in zip(*batch))
        loss = margin_mse([queries, positives, negatives], torch.tensor(margins))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), task["clip_norm"])
        optimizer.step()
        total += loss.item()
        if step % 25 == 0:
            print(f"  peer {step}/{len(task['batches'])} loss {total / step:.4f}", flush=True)
    return total / max(1, len(task["batches"]))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
