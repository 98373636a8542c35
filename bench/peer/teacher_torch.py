"""A Llama with a score head in transformers, as a side of a speed benchmark: LoRA steps with peft, or
scores.

usage: teacher_torch.py WORK.json

A step is one forward pass over the better and the worse sequences, padded to the longest, RankNet's
loss, backward, clipping by global norm, torch's AdamW. The adapter and the score head start from the
weights that ours start from.
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import peft
import torch
import transformers
from safetensors.torch import load_file

from side import padded, read_work, serve


def main() -> None:
    work = read_work()
    torch.set_num_threads(work["threads"])
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        work["model"], num_labels=1, dtype=torch.float32
    )
    # The library scores the last token that is no pad, and tells by the id: one that no sequence has.
    used = {id for batch in work["batches"] for sequence in batch["sequences"] for id in sequence["ids"]}
    model.config.pad_token_id = next(id for id in range(model.config.vocab_size) if id not in used)
    model = adapted(model, work)
    hello = {
        "threads": torch.get_num_threads(),
        "versions": {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "peft": peft.__version__,
        },
    }
    serve(work, hello, trainer(model, work) if work["task"] == "train" else scorer(model, work))


def adapted(model, work: dict):
    settings = work["lora"]
    config = peft.LoraConfig(
        task_type="SEQ_CLS",
        r=settings["rank"],
        lora_alpha=settings["alpha"],
        target_modules=settings["target_modules"],
        lora_dropout=0.0,
    )
    model = peft.get_peft_model(model, config)
    start = {}
    for name, value in load_file(work["adapter"]).items():
        name = name.replace(".lora_A.", ".lora_A.default.").replace(".lora_B.", ".lora_B.default.")
        name = name.replace("score.weight", "score.modules_to_save.default.weight")
        start[f"base_model.model.{name}"] = value
    unknown = model.load_state_dict(start, strict=False).unexpected_keys
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert not unknown and trained == set(start), f"not the same adapter: {unknown}, {trained ^ set(start)}"
    return model


def logits(model, batch: dict) -> torch.Tensor:
    pad = model.config.pad_token_id
    inputs = {name: torch.tensor(rows) for name, rows in padded(batch["sequences"], pad).items()}
    del inputs["token_type_ids"]
    return model(**inputs).logits.view(-1)


def trainer(model, work: dict):
    model.train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=work["learningRate"], weight_decay=work["weightDecay"])

    def run(i: int) -> list:
        batch = work["batches"][i]
        half = len(batch["sequences"]) // 2
        scores = logits(model, batch)
        loss = torch.nn.functional.softplus(scores[half:] - scores[:half]).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, work["clipNorm"])
        optimizer.step()
        optimizer.zero_grad()
        return [loss.item()]

    return run


def scorer(model, work: dict):
    model.eval()

    def run(i: int) -> list:
        with torch.inference_mode():
            return logits(model, work["batches"][i]).tolist()

    return run


main()
