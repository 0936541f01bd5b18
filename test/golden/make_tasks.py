"""Makes tasks.json with EleutherAI's lm-evaluation-harness (0.4.13) itself, on the embedded model: for the documents of tasks/,
with and without examples in the prompt, what its samples files and its results say, and its answers to rolling and
generating requests.

    python3 test/golden/make_tasks.py      needs lm_eval==0.4.13 with torch, transformers and accelerate
"""
import hashlib, json, os, tempfile

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", DISABLE_MULTIPROC="1")
import lm_eval  # noqa: E402
from lm_eval.api.instance import Instance  # noqa: E402
from lm_eval.loggers import EvaluationTracker  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402
from lm_eval.utils import make_table  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "../../embedded")
OFFICIAL = {
    "arc_easy": "arc/arc_easy", "arc_challenge": "arc/arc_challenge", "openbookqa": "openbookqa/openbookqa",
    "boolq": "super_glue/boolq/default", "winogrande": "winogrande/default", "rte": "glue/rte/default",
    "hellaswag": "hellaswag/hellaswag", "piqa": "piqa/piqa", "copa": "super_glue/copa/default",
    "lambada_openai": "lambada/lambada_openai",
}
TEST = ("arc_easy", "arc_challenge", "openbookqa", "lambada_openai")
TEXTS = ["Once upon a time, there was a little girl.", "She was happy. " * 300, "a", ""]
PROMPTS = ["Once upon a time", "Lily and Tom went to the park. " * 60, "One day, the cat"]
LONG = {"until": [".", "!"], "max_gen_toks": 24, "do_sample": False}


def samples_of(samples):
    return [
        {
            "doc": s["doc"], "target": str(s["target"]), "arguments": [list(a) for a in s["arguments"]],
            "resps": [[float(r[0][0]), bool(r[0][1])] for r in s["resps"]], "metrics": {m: s[m] for m in s["metrics"]},
            "doc_hash": s["doc_hash"], "prompt_hash": s["prompt_hash"], "target_hash": s["target_hash"],
        }
        for s in sorted(samples, key=lambda s: s["doc_id"])
    ]


def main():
    home = os.path.dirname(lm_eval.__file__) + "/tasks"
    folder = tempfile.mkdtemp()
    for name, official in OFFICIAL.items():
        split = "test" if name in TEST else "validation"
        with open(f"{folder}/{name}.yaml", "w") as f:
            f.write(f"include: {home}/{official}.yaml\ntask: {name}\ntag: null\ndataset_path: json\ndataset_name: null\ndataset_kwargs:\n  data_files:\n    {split}: {HERE}/tasks/{name}.jsonl\n")
            if name != "lambada_openai":
                f.write(f"    train: {HERE}/tasks/{name}.train.jsonl\ntraining_split: train\n")
            f.write("validation_split: null\n" if split == "test" else "test_split: null\n")
    manager = TaskManager(include_path=folder, include_defaults=False)
    lm = HFLM(pretrained=MODEL, device="cpu", batch_size=1, dtype="float32")
    plain = HFLM(pretrained=MODEL, device="cpu", batch_size=1, dtype="float32", add_bos_token=False)
    out = {"harness": lm_eval.__version__, "runs": []}
    for shots, bos, model in ((0, "tokenizer", lm), (2, "tokenizer", lm), (0, "none", plain)):
        res = lm_eval.simple_evaluate(model=model, tasks=list(OFFICIAL), num_fewshot=shots, task_manager=manager, log_samples=True)
        keep = ("results", "versions", "n-shot", "higher_is_better", "n-samples")
        run = {"numFewshot": shots, "bos": bos, **{k: res[k] for k in keep}, "samples": {n: samples_of(s) for n, s in res["samples"].items()}}
        hashes = {n: "".join(s["doc_hash"] + s["prompt_hash"] + s["target_hash"] for s in sorted(ss, key=lambda s: s["doc_id"])) for n, ss in res["samples"].items()}
        run["task_hashes"] = {n: hashlib.sha256(h.encode()).hexdigest() for n, h in hashes.items()}
        if shots == 2:
            # The questions say the same as without examples: only their hash is kept.
            for samples in run["samples"].values():
                for s in samples:
                    del s["doc"]
        out["runs"].append(run)
        print(make_table(res), flush=True)
    ask = lambda kind, args: Instance(request_type=kind, doc={}, arguments=args, idx=0)
    out["rolling"] = [{"text": t, "logProbability": v} for t, v in zip(TEXTS, lm.loglikelihood_rolling([ask("loglikelihood_rolling", (t,)) for t in TEXTS]))]
    out["generate"] = {"prompts": PROMPTS, **LONG, "texts": lm.generate_until([ask("generate_until", (p, dict(LONG))) for p in PROMPTS])}
    with open(f"{HERE}/tasks.json", "w", encoding="utf8") as f:
        json.dump(out, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
