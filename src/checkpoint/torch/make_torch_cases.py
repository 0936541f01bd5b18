"""Makes torch-cases.json beside this file: files that torch.save wrote, and what is in them, for torch-file.test.ts.

    python3 src/checkpoint/torch/make_torch_cases.py          # from the project's root; Python 3 with torch
    npm run format

Each file is gzipped and in base64; so is what a tensor must read as, its bytes in row-major order.
"""
import base64
import collections
import gzip
import io
import json
import pathlib

import torch

torch.manual_seed(0)
state = collections.OrderedDict()
shared = torch.randn(5, 4)
state["embed.weight"] = shared
state["head.weight"] = shared
for dtype in (torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn, torch.float8_e5m2):
    state[f"model.{dtype}".replace("torch.", "")] = (torch.randn(3, 4) * 4).to(dtype)
base = torch.arange(24.0).reshape(2, 3, 4)
state["permuted"] = base.permute(2, 0, 1)
state["sliced"] = base[:, 1, ::2]
state["parameter"] = torch.nn.Parameter(base[1].t())
state["half.transposed"] = torch.arange(6).reshape(2, 3).t().to(torch.float16).t()
state["scalar"] = torch.tensor(2.5)
state["empty"] = torch.zeros(0, 3)
state["int64"] = torch.arange(6).reshape(2, 3).t()
state["bool"] = torch.tensor([True, False])
state["uint16"] = torch.tensor([1, 65535], dtype=torch.uint16)
state["unit.axes"] = torch.arange(3.0).as_strided((1, 3, 1), (77, 1, 5))
state._metadata = collections.OrderedDict([("", {"version": 1})])

names = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2",
    torch.int64: "I64", torch.uint16: "U16", torch.bool: "BOOL",
}


def saved(value, **options):
    """A file of torch.save, gzipped, as text."""
    file = io.BytesIO()
    torch.save(value, file, **options)
    return base64.b64encode(gzip.compress(file.getvalue(), 9, mtime=0)).decode()


def described(tensor):
    flat = tensor.detach().contiguous().reshape(-1)
    raw = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
    return [names[tensor.dtype], list(tensor.shape), base64.b64encode(raw).decode()]


cases = {
    "torch": torch.__version__.split("+")[0],
    "files": {
        "the zip format": saved(state),
        "protocol 5": saved(dict(state), pickle_protocol=5),
        "the older format": saved(state, _use_new_zipfile_serialization=False),
    },
    "tensors": {name: described(tensor) for name, tensor in state.items()},
}
path = pathlib.Path(__file__).with_name("torch-cases.json")
path.write_text(json.dumps(cases, indent=2) + "\n", encoding="utf-8")
print(path.stat().st_size, "bytes")
