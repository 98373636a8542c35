"""What transformers and PEFT make of exported teachers; for test/commands/export-teacher.test.ts.

Standard input: JSON, a list of {"directory", "base", "texts"}; base is the model of an adapter, or null. A text ends
without its end token.
Standard output: JSON, for each of them the token ids, the logits, and the weights that did not find their place.
"""
import json
import os
import sys
import warnings

os.environ['HF_HUB_OFFLINE'] = '1'
warnings.simplefilter('ignore')
import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer


def load(directory, base):
    if base is None:
        model, loaded = AutoModelForSequenceClassification.from_pretrained(directory, output_loading_info=True)
        return model, [str(key) for kind in ('missing_keys', 'mismatched_keys') for key in loaded[kind]]
    pad = json.load(open(f'{directory}/config.json'))['pad_token_id']
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1, pad_token_id=pad)
    adapted = PeftModel.from_pretrained(model, directory)
    # Loaded once more, because only this says what was missing; the base's own weights always are.
    missing = adapted.load_adapter(directory, 'again').missing_keys
    return adapted, [key for key in missing if key.endswith('.again.weight')]


@torch.inference_mode()
def consume(directory, base, texts):
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model, unmatched = load(directory, base)
    encoded = tokenizer([text + tokenizer.eos_token for text in texts], add_special_tokens=False)
    pad = model.config.pad_token_id
    longest = max(map(len, encoded['input_ids']))
    ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in encoded['input_ids']])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in encoded['input_ids']])
    logits = model.eval()(input_ids=ids, attention_mask=mask).logits[:, 0]
    return dict(ids=encoded['input_ids'], logits=logits.tolist(), unmatched=unmatched)


json.dump([consume(**export) for export in json.load(sys.stdin)], sys.stdout)
