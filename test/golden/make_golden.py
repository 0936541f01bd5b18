"""Makes golden.json beside this file: what transformers computes on the embedded model, for embedded.test.ts.

    python3 test/golden/make_golden.py          # from the project's root; Python 3 with torch and transformers

f32, eager attention, one thread, on the CPU. Made with the versions that golden.json names; others give the same numbers to
about 1e-6. Nothing of this project is used: the forward pass is transformers', the statistic is a hook and a sum of squares.
"""
import hashlib
import json
import math
import pathlib

import torch
import transformers

here = pathlib.Path(__file__).resolve().parent
folder = here.parent.parent / "embedded"
torch.set_num_threads(1)
model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)


def rounded(values, digits=8):
    """Numbers of 8 significant digits."""
    return [float(f"{v:.{digits}g}") for v in values]


text = (folder / "evaluation.txt").read_text(encoding="utf-8")
ids = tokenizer(text)["input_ids"]

# Logits of 24 ids: all of the last row, the first 16 of three others.
short = ids[:24]
with torch.no_grad():
    logits = model(torch.tensor([short])).logits[0]

# Perplexity of 4 windows of 96 ids (mean over windows of the mean cross-entropy over 95 predictions).
windows = [ids[i * 96:(i + 1) * 96] for i in range(4)]
with torch.no_grad():
    nll = [torch.nn.functional.cross_entropy(model(torch.tensor([w])).logits[0, :-1].double(), torch.tensor(w[1:])).item() for w in windows]

# Wanda's activations of two layers over the same windows, dense: a = sqrt(mean over windows of the squared norm).
sums = {}
watched = ["model.layers.0.self_attn.q_proj", "model.layers.3.mlp.down_proj"]
hooks = [
    model.get_submodule(name).register_forward_hook(
        lambda _, inputs, __, name=name: sums.__setitem__(name, sums.get(name, 0) + (inputs[0][0].double() ** 2).sum(0))
    )
    for name in watched
]
with torch.no_grad():
    for w in windows:
        model(torch.tensor([w]))
for hook in hooks:
    hook.remove()
activations = {name: torch.sqrt(total / len(windows)) for name, total in sums.items()}

# Wanda's mask of block 0's q_proj at 60 %: floor(128 * 0.6) = 76 of every row go. One character for each weight.
w = model.get_submodule(watched[0]).weight.detach()
prune = math.floor(w.shape[1] * 0.6)
scores = w.abs() * activations[watched[0]].float()
kept = torch.ones_like(w, dtype=torch.bool).scatter_(1, torch.argsort(scores, dim=1, stable=True)[:, :prune], False)
kept_text = "".join("1" if k else "0" for k in kept.flatten().tolist())

golden = {
    "made": {"by": "test/golden/make_golden.py", "torch": torch.__version__, "transformers": transformers.__version__},
    "logits": {
        "ids": short,
        "last": rounded(logits[-1].tolist()),
        "others": {str(t): rounded(logits[t, :16].tolist()) for t in (0, 7, 15)},
    },
    "perplexity": {"windows": windows, "nll": rounded(nll, 10), "perplexity": float(f"{math.exp(sum(nll) / len(nll)):.10g}")},
    "activations": {name: rounded(a.tolist()) for name, a in activations.items()},
    "mask": {"layer": watched[0], "sparsity": 0.6, "prunedOfRow": prune, "keptSha256": hashlib.sha256(kept_text.encode()).hexdigest()},
    "tokens": len(ids),
}
(here / "golden.json").write_text(json.dumps(golden, indent=1, separators=(",", ":")).replace(",\n   ", ",").replace(",\n    ", ",") + "\n")
