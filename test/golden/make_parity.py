"""Makes test/golden/parity/: what PyTorch and transformers compute, for test/tensor/parity*.test.ts to compare with.

    python3 -m venv V && V/bin/pip install torch==2.15.0 transformers==5.23.0 safetensors==0.8.0 tokenizers==0.23.3
    V/bin/python test/golden/make_parity.py              # tiny/: random models of every family, as directories
    V/bin/python test/golden/make_parity.py --real DIR   # real/: figures alone, of the models that DIR holds

Everything is seeded: the same versions on the same kind of machine give the same bytes; each expected.json says which
versions made it. The weights are float32 or narrower; figures are computed from them in float64 (transformers itself
falls back to float32 in norms and softmax), on the CPU with one thread, without dropout. In float32 a gradient of
SmolLM2 would be off by 3e-4 of its largest number. Gradients are flat.
"""
import copy
import json
import math
import platform
import shutil
import sys
from pathlib import Path

import safetensors
import tokenizers
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch.nn.functional import cross_entropy, softplus
from transformers import (
    BertConfig, BertForSequenceClassification, LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification,
    Qwen2Config, Qwen2ForCausalLM, Qwen2ForSequenceClassification,
)

here = Path(__file__).parent / 'parity'
made_by = dict(
    script='test/golden/make_parity.py', python=platform.python_version(), torch=torch.__version__.split('+')[0],
    transformers=transformers.__version__, safetensors=safetensors.__version__, tokenizers=tokenizers.__version__)
point_weight = 0.3  # w of the hybrid loss


# ---------------------------------------------------------------- what is expected

def numbers(tensor):
    """Nine digits, as many as say a float32 exactly."""
    return [float(f'{x:.9g}') for x in tensor.detach().flatten().tolist()]


def rows(tensor):
    return [numbers(row) for row in tensor]


def padded(sequences):
    longest = max(map(len, sequences))
    return torch.tensor([list(s) + [0] * (longest - len(s)) for s in sequences])


def masked(sequences):
    return padded([[1] * len(s) for s in sequences])


def differentiated(model, loss, names):
    model.zero_grad()
    loss.backward()
    parameters = dict(model.named_parameters())
    return dict(loss=loss.item(), gradients={name: numbers(parameters[name].grad) for name in names})


def bert_expected(model, sequences, segments, teacher, names):
    scores = model(
        input_ids=padded(sequences), attention_mask=masked(sequences), token_type_ids=padded(segments)).logits[:, 0]
    t, b = torch.tensor(teacher, dtype=torch.float64), len(teacher) // 2
    point = ((scores - t) ** 2).mean()
    margin = (((scores[:b] - scores[b:]) - (t[:b] - t[b:])) ** 2).mean()
    return dict(
        sequences=sequences, segments=segments, scores=numbers(scores), teacher=teacher, pointWeight=point_weight,
        hybridMse=differentiated(model, point_weight * point + (1 - point_weight) * margin, names))


def cross_entropy_expected(model, sequences, output_from, names):
    """Labels are the output tokens: -100 stands for no loss. Right padding changes nothing in a causal model."""
    labels = padded(sequences)
    for row, (s, first) in enumerate(zip(sequences, output_from)):
        labels[row, :first] = labels[row, len(s):] = -100
    out = model(input_ids=padded(sequences), attention_mask=masked(sequences), output_hidden_states=True)
    loss = cross_entropy(out.logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
    last = torch.tensor([len(s) - 1 for s in sequences])
    each = torch.arange(len(sequences))
    return dict(
        sequences=sequences, outputFrom=output_from,
        lastHidden=rows(out.hidden_states[-1][each, last]), lastLogits=out.logits[each, last],
        crossEntropy=differentiated(model, loss, names))


def rank_net_expected(model, sequences, weights, names):
    scores = model(input_ids=padded(sequences), attention_mask=masked(sequences)).logits[:, 0]
    w, b = torch.tensor(weights, dtype=torch.float64), len(weights)
    loss = (w * softplus(-(scores[:b] - scores[b:]))).sum() / w.sum()
    return dict(scores=numbers(scores), weights=weights, rankNet=differentiated(model, loss, names))


def write_json(path, value):
    """One line a key, and the versions first."""
    lines = [f' {json.dumps(key)}: {json.dumps(v)}' for key, v in dict(madeBy=made_by, **value).items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{\n' + ',\n'.join(lines) + '\n}\n')


# ---------------------------------------------------------------- tiny models

def word_piece():
    letters = 'abcdefghijklmnopqrstuvwxyz'
    words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', *letters, *(f'##{c}' for c in letters)]
    words += ['red', 'sock', '##s', 'wool', 'shoe', '##ing', 'the', '-'][:64 - len(words) + 1]
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys(words))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token='[UNK]', max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    pair = '[CLS] $A [SEP] $B:1 [SEP]:1'
    tokenizer.post_processor = processors.TemplateProcessing(
        single='[CLS] $A [SEP]', pair=pair, special_tokens=[('[CLS]', 2), ('[SEP]', 3)])
    tokenizer.add_special_tokens(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'])
    names = dict(cls_token='[CLS]', sep_token='[SEP]', pad_token='[PAD]', unk_token='[UNK]', mask_token='[MASK]')
    return tokenizer, dict(tokenizer_class='BertTokenizer', **names)


def byte_pairs():
    special = ['<pad>', '<s>', '</s>']
    characters = [chr(c) for c in range(33, 127)] + ['Ġ', 'Ċ']
    merges = [('Ġ', 'r'), ('e', 'd'), ('Ġr', 'ed'), ('s', 'o'), ('c', 'k'), ('so', 'ck'), ('t', 'i'), ('q', 'u'), ('l', 'e')]
    pieces = [*special, *characters, *(a + b for a, b in merges)]
    tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(special)
    names = dict(pad_token='<pad>', bos_token='<s>', eos_token='</s>')
    return tokenizer, dict(tokenizer_class='PreTrainedTokenizerFast', **names)


texts = ['red socks', 'Wool-socks: the RED ones\nsummary: 100 % wool', 'quelle taille?']


def lively(model):
    """Larger weights than a model starts with, no bias 0 and no norm 1, so that nothing cancels out unseen."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter * 5 + 0.1 * torch.randn_like(parameter))
    return model.eval()


def ragged(lengths, vocabulary):
    return [torch.randint(3, vocabulary, (length,)).tolist() for length in lengths]


def save(directory, model, tokenizer_and_config, dtype, shard):
    """The weights are rounded to the file's type first: figures are those of what the file holds."""
    shutil.rmtree(directory, ignore_errors=True)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(dtype))
    # A copy: changing the model's own type to and fro would round the rotary frequencies as well.
    copy.deepcopy(model).to(dtype).save_pretrained(directory, max_shard_size=shard)
    tokenizer, config = tokenizer_and_config
    tokenizer.save(str(directory / 'tokenizer.json'), pretty=False)
    (directory / 'tokenizer_config.json').write_text(json.dumps(config, indent=1) + '\n')
    (directory / 'generation_config.json').unlink(missing_ok=True)
    return [dict(text=text, ids=tokenizer.encode(text, add_special_tokens=False).ids) for text in texts]


def tiny_bert():
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=64, hidden_size=16, num_hidden_layers=3, num_attention_heads=4, intermediate_size=24,
        max_position_embeddings=24, num_labels=1, attn_implementation='eager',
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    model = lively(BertForSequenceClassification(config))
    directory = here / 'tiny' / 'bert'
    tokenized = save(directory, model, word_piece(), torch.float32, '1GB')
    save(here / 'tiny' / 'bert-bare', model.bert, word_piece(), torch.float32, '1GB')  # as published for embeddings
    model.double()
    sequences = ragged([7, 12, 24, 1, 5, 9], config.vocab_size)
    segments = [[int(i > len(s) // 2) for i in range(len(s))] for s in sequences]
    layer = 'bert.encoder.layer'
    names = [
        'bert.embeddings.word_embeddings.weight', f'{layer}.0.attention.self.key.weight',
        f'{layer}.1.intermediate.dense.bias', f'{layer}.2.output.LayerNorm.weight', 'bert.pooler.dense.weight',
        'classifier.weight', 'classifier.bias']
    expected = bert_expected(model, sequences, segments, numbers(torch.randn(6).float()), names)
    write_json(directory / 'expected.json', dict(expected, tokenized=tokenized))


def tiny_decoder(name, seed, classes, dtype=torch.float32, shard='1GB', **settings):
    torch.manual_seed(seed)
    config_class, causal_class, classifier_class = classes
    config = config_class(
        vocab_size=112, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
        max_position_embeddings=48, rms_norm_eps=1e-5, attn_implementation='eager',
        pad_token_id=0, bos_token_id=1, eos_token_id=2, **settings)
    causal = lively(causal_class(config))
    directory = here / 'tiny' / name
    tokenized = save(directory, causal, byte_pairs(), dtype, shard)
    causal.double()
    sequences = ragged([7, 12, 48, 2, 30, 9], config.vocab_size)
    output_from = [3, 1, 20, 1, 12, 8]
    layer = 'model.layers'
    biases = [f'{layer}.0.self_attn.k_proj.bias', f'{layer}.1.self_attn.q_proj.bias'] if config_class is Qwen2Config else []
    untied = [] if config.tie_word_embeddings else ['lm_head.weight']
    shared = ['model.embed_tokens.weight', f'{layer}.0.self_attn.q_proj.weight', f'{layer}.1.self_attn.k_proj.weight']
    expected = cross_entropy_expected(
        causal, sequences, output_from, [*shared, f'{layer}.1.mlp.down_proj.weight', 'model.norm.weight', *untied, *biases[1:]])
    expected['lastLogits'] = rows(expected['lastLogits'])

    config.num_labels = 1
    classifier = classifier_class(config).float().eval()
    torch.nn.init.normal_(classifier.score.weight, std=0.3)
    classifier.double().model.load_state_dict(causal.model.state_dict())
    ranked = rank_net_expected(
        classifier, sequences, [1.0, 2.5, 0.5], [*shared, f'{layer}.0.mlp.gate_proj.weight', 'score.weight', *biases[1:]])
    head = dict(scoreWeight=numbers(classifier.score.weight))
    write_json(directory / 'expected.json', dict(expected, **head, **ranked, tokenized=tokenized))


def tiny():
    llama = (LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification)
    qwen2 = (Qwen2Config, Qwen2ForCausalLM, Qwen2ForSequenceClassification)
    tiny_bert()
    tiny_decoder('llama-tied', 2, llama, num_key_value_heads=2, head_dim=6, tie_word_embeddings=True)
    linear = dict(rope_type='linear', rope_theta=500.0, factor=4.0)
    tiny_decoder(
        'llama-untied', 3, llama, num_key_value_heads=4, tie_word_embeddings=False, rope_parameters=linear, shard='12KB')
    # Heads of 8 turn once in 6, 20, 63 and 199 positions: one fast pair, one in between, two slow ones.
    llama3 = dict(
        rope_type='llama3', rope_theta=100.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=32)
    tiny_decoder(
        'llama3', 4, llama, num_key_value_heads=1, head_dim=8, tie_word_embeddings=True, rope_parameters=llama3,
        dtype=torch.float16)
    tiny_decoder('qwen2', 5, qwen2, num_key_value_heads=2, tie_word_embeddings=False, dtype=torch.bfloat16)


# ---------------------------------------------------------------- real models

pairs = [
    ('wool hiking socks', 'Merino wool socks for hiking, 3 pairs, cushioned sole'),
    ('wool hiking socks', 'Café crème — ½ kg ground coffee, dark roast (100 % arabica)'),
    ('laptop 15 inch', '15.6" laptop with 16 GB RAM and a 1,920 x 1,080 display'),
    ('laptop 15 inch', 'USB-C charger'),
]


def probe(model, missing):
    """A head that the directory lacks: value k of each tensor is sin(k + 1) / 20."""
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name in missing:
            p = parameters[name]
            p.copy_(torch.tensor([math.sin(k + 1) / 20 for k in range(p.numel())]).reshape(p.shape))
    return model.double().eval()


def load(model_class, directory, **settings):
    model, info = model_class.from_pretrained(
        directory, dtype=torch.float32, attn_implementation='eager', output_loading_info=True, **settings)
    missing = sorted(info['missing_keys'])
    return probe(model, missing), missing


def real_bert(name, directory, tokenizer):
    encoded = tokenizer.encode_batch(pairs)
    model, missing = load(BertForSequenceClassification, directory, num_labels=1)
    ids, types = [e.ids for e in encoded], [e.type_ids for e in encoded]
    expected = bert_expected(
        model, ids, types, [1.0, 0.5, -0.5, -1.0], ['bert.encoder.layer.0.output.LayerNorm.weight', 'classifier.weight'])
    write_json(here / 'real' / f'{name}.json', dict(pairs=pairs, fresh=missing, **expected))


def real_llama(name, directory, tokenizer):
    prompts = [f'query: {query}\ntitle:' for query, _ in pairs]
    outputs = [f' {title}\nsummary:' for _, title in pairs]
    encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    output_from = [len(encode(prompt)) for prompt in prompts]
    sequences = [encode(prompt) + encode(output) for prompt, output in zip(prompts, outputs)]
    names = ['model.layers.0.input_layernorm.weight', 'model.norm.weight']
    causal, _ = load(LlamaForCausalLM, directory)
    expected = cross_entropy_expected(causal, sequences, output_from, names)
    del expected['lastHidden']
    top = expected.pop('lastLogits').topk(5)
    expected['topLogits'] = [
        dict(ids=i.tolist(), logits=numbers(values)) for i, values in zip(top.indices, top.values)]
    del causal
    classifier, missing = load(LlamaForSequenceClassification, directory, num_labels=1, pad_token_id=0)
    ranked = rank_net_expected(classifier, sequences, [1.0, 2.0], names[:1])
    write_json(here / 'real' / f'{name}.json', dict(pairs=pairs, fresh=missing, **expected, **ranked))


def real(directory):
    for path in sorted(p for p in directory.iterdir() if (p / 'config.json').exists()):
        family = json.loads((path / 'config.json').read_text())['model_type']
        tokenizer = Tokenizer.from_file(str(path / 'tokenizer.json'))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        (real_bert if family == 'bert' else real_llama)(path.name, path, tokenizer)


torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
if sys.argv[1:2] == ['--real']:
    real(Path(sys.argv[2]))
else:
    tiny()
