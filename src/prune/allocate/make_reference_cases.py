"""Makes reference-cases.json beside this file, for alpha.test.ts and dsnot.test.ts, with the PyTorch code of the published method.

    python3 src/prune/allocate/make_reference_cases.py ../shared/reference          # from the project's root; Python 3 with torch
    npm run format

The argument is the folder of reference.py. Arrays of f32 are in base64; masks are strings of 1 (kept) and 0, row after row.
"""
import base64
import json
import pathlib
import sys
import types

import torch

sys.path.insert(0, sys.argv[1])
import reference  # noqa: E402

torch.manual_seed(0)


def packed(tensor):
    return base64.b64encode(tensor.contiguous().numpy().tobytes()).decode()


def weight_of(rows, columns, tail):
    """A random matrix whose k-th singular value falls off as k^-tail; with 0 as chance has it."""
    noise = torch.randn(rows, columns)
    u, s, v = torch.linalg.svd(noise, full_matrices=False)
    return noise if tail == 0 else u * (s[0] * torch.arange(1, len(s) + 1) ** -tail) @ v


def alpha_case(weight):
    return {
        "rows": weight.shape[0],
        "columns": weight.shape[1],
        "weight": packed(weight),
        "squares": torch.linalg.svdvals(weight.double()).square().flip(0).tolist(),
        "alpha": reference.alpha_hill(weight),
    }


def bits(pruned):
    return "".join("0" if p else "1" for p in pruned.flatten().tolist())


def dsnot_case(rows, columns, sparsity):
    # Coarse weights, so that scores tie; some are 0, some columns contribute nothing, some do not vary.
    weight = torch.randint(-6, 7, (rows, columns)) / 16
    mean = torch.randn(columns) * 4
    mean[3] = 0
    variance = torch.rand(columns) + 0.05
    variance[[5, 11, 12]] = 0
    a = torch.randint(1, 5, (columns,)) / 2
    statistics = types.SimpleNamespace(sum=mean, var=variance, a=a)
    score = weight.abs() * a
    return {
        "rows": rows,
        "columns": columns,
        "weight": packed(weight),
        "activations": packed(a),
        "mean": packed(mean),
        "variance": packed(variance),
        "before": bits(reference.mask_row(score, sparsity)),
        "after": bits(reference.dsnot_mask(weight, statistics, score, sparsity)),
    }


cases = {
    "torch": torch.__version__.split("+")[0],
    "alpha": [alpha_case(weight_of(*shape)) for shape in ((24, 40, 0), (40, 24, 0.5), (32, 32, 1.0))],
    "dsnot": [dsnot_case(24, 40, s) for s in (0.5, 0.7)] + [dsnot_case(6, 130, 0.6)],
}
path = pathlib.Path(__file__).with_name("reference-cases.json")
path.write_text(json.dumps(cases, indent=2) + "\n", encoding="utf-8")
print(path.stat().st_size, "bytes")
