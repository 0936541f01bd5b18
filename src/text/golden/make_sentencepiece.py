"""Makes sentencepiece.jsonl beside this file: small sentencepiece models and the ids that sentencepiece gives texts.

    python3 src/text/golden/make_sentencepiece.py     # from the project's root; Python 3 with sentencepiece 0.2

Each line: the name, the options of the trainer, the model (base64), rows of [text, ids, decoded]. A model that must be refused
has no rows.
"""
import base64
import io
import json
import pathlib
import random

import sentencepiece

here = pathlib.Path(__file__).resolve().parent
story = (here.parents[2] / "embedded" / "evaluation.txt").read_text(encoding="utf-8")[:60000]
lines = [line for line in story.split("\n") if line] + ["    deep  inside   the code", "naïve café — €5", "aaaa aaaaaaa aaa"] * 20
common = dict(character_coverage=1.0, hard_vocab_limit=False, split_digits=True, minloglevel=2)
identity = dict(model_type="bpe", normalization_rule_name="identity", **common)
kept = dict(remove_extra_whitespaces=False, allow_whitespace_only_pieces=True)
models = {
    "like Llama": dict(vocab_size=420, byte_fallback=True, **kept, **identity),
    "symbols of the user": dict(
        vocab_size=420, byte_fallback=True, user_defined_symbols=["<sep>", "ab", "abc", "▁▁", "\n\n", "the"], control_symbols=["<|im|>"], **kept, **identity
    ),
    "without byte tokens": dict(vocab_size=150, **kept, **identity),
    "extra spaces removed": dict(vocab_size=420, byte_fallback=True, allow_whitespace_only_pieces=True, **identity),
    "without a first space": dict(vocab_size=420, byte_fallback=True, add_dummy_prefix=False, **kept, **identity),
}
refused = {
    "unigram": dict(vocab_size=200, model_type="unigram", normalization_rule_name="identity", **common),
}
random.seed(5)
parts = ["the", "there", " ", "  ", "     ", "\n", "\n\n", "\n\n\n", "a", "ab", "abc", "abcabc", "aab", "<sep>", "€", "日", "👋", "▁", "é", "Lily", " was", "x1", "\t", "\x00"]
texts = ["", " ", "Once upon a time, there was", "aaaaaaaaaaaa", "  two  and   three ", "a" + " " * 37 + "b", "日本 ?!", "▁▁ a▁", story[1000:1400]]
texts += ["".join(random.choice(parts) for _ in range(random.randint(1, 14))) for _ in range(60)]


def train(options):
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=out, **options)
    return out.getvalue()


with open(here / "sentencepiece.jsonl", "w", encoding="utf-8") as out:
    for name, options in {**models, **refused}.items():
        model = train(options)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        rows = [[t, processor.encode(t), processor.decode(processor.encode(t))] for t in texts] if name in models else []
        case = {"name": name, "options": options, "model": base64.b64encode(model).decode(), "rows": rows}
        out.write(json.dumps(case, separators=(",", ":")) + "\n")
