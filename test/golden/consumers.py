"""What transformers and sentence-transformers make of exported students; for test/checkpoint/consumers.test.ts.

Standard input: JSON, a list of {"directory", "pairs": [[query, document], ...], "crowded": the same with queries of
more than half the length, "tokensMax"}.
Standard output: JSON, for each of them the token ids, the token types, the logits of
AutoModelForSequenceClassification, what CrossEncoder.predict gives, and what it gives for the crowded
pairs by itself and when it is told to cut the document alone.
"""
import json
import os
import sys

os.environ['HF_HUB_OFFLINE'] = '1'
import torch
from sentence_transformers import CrossEncoder
from transformers import AutoModelForSequenceClassification, AutoTokenizer


@torch.inference_mode()
def consume(directory, pairs, crowded, tokensMax):
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model, loaded = AutoModelForSequenceClassification.from_pretrained(directory, output_loading_info=True)
    # As lists: alone, an empty document would count as none, and there would be no second [SEP].
    encoded = tokenizer(*map(list, zip(*pairs)), truncation='only_second', max_length=tokensMax)
    padded = tokenizer.pad(encoded, return_tensors='pt')
    # Without a length given, as somebody would who read no card: the directory must say how far it reads.
    encoder = CrossEncoder(directory, device='cpu')
    return dict(
        architecture=type(model).__name__,
        unmatched=sorted(str(key) for kind in ('missing_keys', 'unexpected_keys', 'mismatched_keys') for key in loaded[kind]),
        ids=encoded['input_ids'],
        types=encoded['token_type_ids'],
        logits=model(**padded).logits[:, 0].tolist(),
        predictions=encoder.predict(pairs, batch_size=8).tolist(),
        crowded=encoder.predict(crowded, processing_kwargs={'text': {'truncation': 'only_second'}}).tolist(),
        crowdedByDefault=encoder.predict(crowded).tolist(),
    )


json.dump([consume(**export) for export in json.load(sys.stdin)], sys.stdout)
