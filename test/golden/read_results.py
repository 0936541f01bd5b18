"""Reads a folder that `neuroal eval --output` wrote with lm-evaluation-harness's own tools, as its table printer, its cards and its
converters (scripts/zeno_visualize.py) do, and prints its table. Ends with an error where one of them could not.

    python3 test/golden/read_results.py DIR      needs lm_eval==0.4.13 and datasets
"""
import json, os, sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")
import datasets  # noqa: E402
from lm_eval.utils import get_file_datetime, get_file_task_name, get_latest_filename, get_results_filenames, get_sample_results_filenames, hash_string, make_table, sanitize_model_name  # noqa: E402


def main():
    for folder in sorted({p.parent for p in Path(sys.argv[1]).rglob("results_*.json")}):
        names = [p.as_posix() for p in folder.iterdir()]
        latest = get_latest_filename(get_results_filenames(names))
        document = json.load(open(latest, encoding="utf-8"))
        assert folder.name == sanitize_model_name(document["model_name"]) == document["model_name_sanitized"], folder
        assert isinstance(document["config"]["model_args"], (str, dict))
        print(make_table(document))
        date = get_file_datetime(Path(latest).name.replace(".json", ""))
        for task, config in document["configs"].items():
            (file,) = [n for n in get_sample_results_filenames(names) if get_file_task_name(Path(n).name) == task and get_file_datetime(n) == date]
            lines = [json.loads(line) for line in open(file, encoding="utf-8")]
            loaded = datasets.load_dataset("json", data_files=file, split="train", cache_dir=os.path.join(sys.argv[1], ".datasets"))
            assert len(loaded) == len(lines) == document["n-samples"][task]["effective"], task
            assert document["task_hashes"][task] == hash_string("".join(s["doc_hash"] + s["prompt_hash"] + s["target_hash"] for s in lines)), task
            for sample in lines:
                assert sample["doc_hash"] == hash_string(json.dumps(sample["doc"], indent=2, ensure_ascii=False)), task
                assert sample["prompt_hash"] == hash_string(sample["arguments"]["gen_args_0"]["arg_0"]), task
                assert sample["target_hash"] == hash_string(sample["target"]), task
                assert len(sample["resps"]) == len(sample["filtered_resps"]) == len(sample["arguments"]), task
                if config["output_type"] in ("multiple_choice", "loglikelihood"):
                    for [[value, greedy]] in sample["resps"]:
                        assert str(float(value)) == value and greedy in ("True", "False"), (task, value, greedy)
            for metric in config["metric_list"]:
                name = metric["metric"]
                assert name in document["higher_is_better"][task] and all(name in s for s in lines), (task, name)
                if metric["aggregation"] == "mean":
                    assert abs(sum(s[name] for s in lines) / len(lines) - document["results"][task][f"{name},none"]) < 1e-12, (task, name)
        print(f"{len(document['configs'])} tasks read")


if __name__ == "__main__":
    main()
