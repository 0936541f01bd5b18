"""The perplexity that transformers gives a folder, to hold `neuroal eval FOLDER --perplexity WINDOWS.json` against.

    python3 test/golden/perplexity.py WINDOWS.json FOLDER...        # WINDOWS.json: arrays of token ids

f32, eager attention, one window at a time, on the CPU; exp of the mean over windows of the mean cross-entropy of each.
"""
import json
import math
import pathlib
import sys

import torch
import transformers

transformers.logging.set_verbosity_error()
windows = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
for folder in sys.argv[2:]:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        logits = [model(torch.tensor([w]), use_cache=False).logits[0, :-1].double() for w in windows]
    nll = [torch.nn.functional.cross_entropy(l, torch.tensor(w[1:])).item() for l, w in zip(logits, windows)]
    print(f"{folder} {math.exp(sum(nll) / len(nll)):.6f}")
