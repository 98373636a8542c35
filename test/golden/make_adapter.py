"""Makes test/golden/parity/adapter/: adapters as PEFT writes them, beside the tiny models of make_parity.py, and what
they score, for test/tensor/adapter-parity.test.ts to compare with.

    python3 -m venv V && V/bin/pip install -r test/golden/requirements.txt
    V/bin/python test/golden/make_adapter.py

Seeded like make_parity.py, and like there figures are computed in float64 from float32 weights. Gradients are flat.
"""
import json
import platform
import shutil
from pathlib import Path

import peft
import safetensors
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from torch.nn.functional import softplus
from transformers import AutoModelForSequenceClassification

parity = Path(__file__).parent / 'parity'
made_by = dict(
    script='test/golden/make_adapter.py', python=platform.python_version(), torch=torch.__version__.split('+')[0],
    transformers=transformers.__version__, peft=peft.__version__, safetensors=safetensors.__version__)


def numbers(tensor):
    return [float(f'{x:.9g}') for x in tensor.detach().flatten().tolist()]


def base_of(name):
    return AutoModelForSequenceClassification.from_pretrained(
        parity / 'tiny' / name, num_labels=1, pad_token_id=0, dtype=torch.float32, attn_implementation='eager')


def padded(sequences, fill):
    longest = max(map(len, sequences))
    return torch.tensor([[*s, *[fill] * (longest - len(s))] for s in sequences])


def make(name, base, seed, **settings):
    torch.manual_seed(seed)
    directory = parity / 'adapter' / name
    shutil.rmtree(directory, ignore_errors=True)
    config = LoraConfig(task_type='SEQ_CLS', lora_dropout=0.0, bias='none', **settings)
    model = get_peft_model(base_of(base), config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(directory)
    for extra in ('README.md',):
        (directory / extra).unlink(missing_ok=True)
    written = json.loads((directory / 'adapter_config.json').read_text())
    # Not this machine's path, and lists in an order that does not change from run to run.
    written['base_model_name_or_path'] = f'tiny/{base}'
    for key in ('target_modules', 'modules_to_save'):
        written[key] = sorted(written[key])
    (directory / 'adapter_config.json').write_text(json.dumps(written, indent=1, sort_keys=True) + '\n')

    # What is on the disk is what counts.
    model = PeftModel.from_pretrained(base_of(base), directory, is_trainable=True).double().eval()
    sequences = [torch.randint(3, 112, (length,)).tolist() for length in (7, 12, 40, 2, 30, 9)]
    masks = padded([[1] * len(s) for s in sequences], 0)
    scores = model(input_ids=padded(sequences, 0), attention_mask=masks).logits[:, 0]
    weights = [1.0, 2.5, 0.5]
    w = torch.tensor(weights, dtype=torch.float64)
    loss = (w * softplus(-(scores[:3] - scores[3:]))).sum() / w.sum()
    loss.backward()
    gradients = {
        parameter_name.removeprefix('base_model.model.').replace('.default', '').replace('.modules_to_save', ''):
            numbers(parameter.grad)
        for parameter_name, parameter in model.named_parameters() if parameter.requires_grad}
    expected = dict(
        madeBy=made_by, base=f'tiny/{base}', sequences=sequences, scores=numbers(scores), weights=weights,
        rankNet=dict(loss=loss.item(), gradients=gradients))
    lines = [f' {json.dumps(key)}: {json.dumps(value)}' for key, value in expected.items()]
    (directory / 'expected.json').write_text('{\n' + ',\n'.join(lines) + '\n}\n')


torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
make('llama-query-value', 'llama-tied', 21, r=2, lora_alpha=8, target_modules=['q_proj', 'v_proj'])
make(
    'qwen2-all', 'qwen2', 22, r=3, lora_alpha=4,
    target_modules=['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'])
