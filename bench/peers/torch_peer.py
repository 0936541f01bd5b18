"""PyTorch as a contestant, with the protocol of contest/serve.mjs: python3 torch_peer.py THREADS.

A dense layer is torch.nn.functional.linear; a mask is what Wanda's reference does (a stable sort of each row, then a
scatter of the first indices), or kthvalue and a comparison, which is faster and does not promise ties.
"""

import json
import statistics
import sys
import time

try:
    import torch
except ImportError:
    sys.stdin.readline()
    print(json.dumps({"error": "not installed: python3 with torch"}))
    sys.exit()

WARM_UP_SECONDS = 0.3
WINDOW_SECONDS = 0.04

torch.set_grad_enabled(False)
torch.set_num_threads(int(sys.argv[1]))


def timed(run, seconds=WINDOW_SECONDS):
    """Milliseconds of a run, as in contest/timing.mjs."""
    run()
    times = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def linear(rows, columns):
    weight = torch.rand(rows, columns) - 0.5
    inputs = {}

    def sample(tokens):
        if tokens not in inputs:
            x = torch.rand(tokens, columns) - 0.5
            inputs[tokens] = lambda: torch.nn.functional.linear(x, weight)
            timed(inputs[tokens], WARM_UP_SECONDS)
        return timed(inputs[tokens])

    return sample


def mask(rows, columns, prune):
    weight = torch.rand(rows, columns) - 0.5
    norms = torch.rand(columns) + 0.5

    def by_sort():
        scores = weight.abs() * norms
        order = torch.sort(scores, dim=-1, stable=True)[1]
        removed = torch.zeros_like(weight, dtype=torch.bool)
        removed.scatter_(1, order[:, :prune], True)
        return weight.masked_fill(removed, 0)

    def by_kthvalue():
        scores = weight.abs() * norms
        threshold = torch.kthvalue(scores, prune, dim=-1, keepdim=True).values
        return torch.where(scores <= threshold, 0, weight)

    ways = {"sort": by_sort, "kthvalue": by_kthvalue}
    return lambda by: timed(ways[by])


sample = None
for line in sys.stdin:
    request = json.loads(line)
    try:
        if "open" in request:
            job = request["open"]
            sample = None
            sample = {"linear": linear, "mask": mask}[job.pop("kind")](**job)
            reply = {"answer": f"torch {torch.__version__}"}
        else:
            reply = {"answer": sample(**request["sample"])}
    except Exception as error:
        reply = {"error": str(error)}
    print(json.dumps(reply), flush=True)
