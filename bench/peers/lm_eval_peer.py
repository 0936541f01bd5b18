"""lm-evaluation-harness on PyTorch as the peer of contest/evaluate.mjs: python3 lm_eval_peer.py MODEL DATA TASK LIMIT THREADS BATCH.

Its own evaluator and its `hf` model on a CPU in f32, with DATA/TASK.jsonl in the place of the data set; timed from reading the
file to the results, with the model in memory, without its bootstrap.
"""
import json
import os
import sys
import tempfile
import time

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
try:
    import lm_eval
    import torch
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager
except ImportError as error:
    sys.exit(f"ImportError: not installed: python3 with lm_eval, torch, transformers and accelerate ({error.name})")

model, data, task, limit, threads, batch = sys.argv[1:]
OFFICIAL = {"arc_easy": "arc/arc_easy", "arc_challenge": "arc/arc_challenge", "openbookqa": "openbookqa/openbookqa"}
torch.set_num_threads(int(threads))
folder = tempfile.mkdtemp()
home = os.path.join(os.path.dirname(lm_eval.__file__), "tasks")
with open(os.path.join(folder, "local.yaml"), "w") as file:
    file.write(f"include: {home}/{OFFICIAL[task]}.yaml\ntask: local\ntag: null\ndataset_path: json\ndataset_name: null\n")
    file.write(f"dataset_kwargs:\n  data_files:\n    test: {os.path.abspath(data)}/{task}.jsonl\n")
    file.write("training_split: null\nvalidation_split: null\nfewshot_split: null\n")
manager = TaskManager(include_path=folder, include_defaults=False)
lm = HFLM(pretrained=model, device="cpu", batch_size=int(batch), dtype="float32")


def run(documents):
    return lm_eval.simple_evaluate(model=lm, tasks=["local"], limit=documents, task_manager=manager, bootstrap_iters=0)


run(8)
started = time.perf_counter()
results = run(int(limit))["results"]["local"]
seconds = time.perf_counter() - started
about = f"lm-eval {lm_eval.__version__}, torch {torch.__version__}, batches of {batch}"
print(json.dumps({"about": about, "seconds": seconds, "documents": results["sample_len"], "acc": results["acc,none"]}))
