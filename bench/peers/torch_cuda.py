# y = x·Wᵀ by PyTorch on a CUDA device, in f32 without TF32 and in bf16: python3 torch_cuda.py ROWS COLUMNS SECONDS T,T,…
# Prints one line of JSON, TFLOP/s by dtype and T.

import json
import sys
import time

import torch

rows, columns, least = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
torch.backends.cuda.matmul.allow_tf32 = False


def rate(dtype, tokens):
    x = torch.randn(tokens, columns, device="cuda", dtype=dtype)
    w = torch.randn(rows, columns, device="cuda", dtype=dtype)
    for _ in range(3):
        x @ w.T
    torch.cuda.synchronize()
    times, took = 1, 0.0
    while took < least:
        times *= 2
        started = time.perf_counter()
        for _ in range(times):
            x @ w.T
        torch.cuda.synchronize()
        took = time.perf_counter() - started
    return 2 * rows * columns * tokens * times / took / 1e12


tokens = [int(t) for t in sys.argv[4].split(",")]
with torch.no_grad():
    rates = {name: {t: rate(dtype, t) for t in tokens} for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16))}
print(json.dumps({"about": f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}", "rates": rates}))
