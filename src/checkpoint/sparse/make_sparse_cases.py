"""Makes sparse-cases.json beside this file: weights and their parts as compressed-tensors encoded them, for golden.test.ts.

    python3 src/checkpoint/sparse/make_sparse_cases.py          # from the project's root; Python 3 with numpy and torch
    npm run format

The three steps are those of compressed_tensors 0.12.2 (compressors/sparse_compressors/sparse_bitmask.py, utils/helpers.py):
values that are not zero in row-major order, numpy.packbits of the mask, and the exclusive running sum of the rows' counts. Its
BitmaskTensor.from_dense gave the same parts. All data are in base64, values and offsets as they lie in a file.
"""
import base64
import json
import pathlib

import numpy
import torch

names = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2",
}


def text(tensor):
    return base64.b64encode(tensor.contiguous().view(torch.uint8).numpy().tobytes()).decode()


def case(weight):
    # Tests of dtypes that torch cannot compare go through f32, which holds each of their values.
    mask = (weight.float() if weight.dtype.itemsize == 1 else weight) != 0
    counts = mask.sum(dim=-1)
    patterns = weight.view(torch.int8) if weight.dtype.itemsize == 1 else weight
    return {
        "dtype": names[weight.dtype],
        "shape": list(weight.shape),
        "dense": text(weight),
        "compressed": text(patterns[mask]),
        "bitmask": base64.b64encode(numpy.packbits(mask.numpy(), axis=-1, bitorder="little").tobytes()).decode(),
        "row_offsets": text(torch.cumsum(counts, 0) - counts),
    }


torch.manual_seed(0)
cases = []
for dtype in names:
    for rows, columns, sparsity in ((3, 8, 0.5), (4, 13, 0.7), (1, 1, 0.0), (5, 31, 0.9)):
        weight = torch.randn(rows, columns) * (torch.rand(rows, columns) >= sparsity)
        weight[-1] = 0 if rows > 1 else weight[-1]
        cases.append(case(weight.to(dtype)))
path = pathlib.Path(__file__).resolve().parent / "sparse-cases.json"
path.write_text(json.dumps(cases, indent=1) + "\n")
