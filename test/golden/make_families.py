"""Makes families.json beside this file: tiny models of every family, their logits, and Wanda's masks, for families.test.ts.

    python3 test/golden/make_families.py        # from the project's root; Python 3 with torch and transformers

Weights come from a generator that the test has too (Lehmer, MINSTD), so the file holds only their names, shapes and seeds. f32,
eager attention, on the CPU, by transformers alone. The masks: half of every row, block by block, each block's inputs coming
from the already pruned ones; layers in the order in which this project prunes them, weights as [outputs, inputs].
"""
import base64
import json
import pathlib

import numpy
import torch
import transformers
from transformers.pytorch_utils import Conv1D

torch.set_num_threads(1)
V, D, L, T, W = 40, 16, 3, 14, 4
SMALL = dict(vocab_size=V, hidden_size=D, num_hidden_layers=L, num_attention_heads=4, max_position_embeddings=32, bos_token_id=1, eos_token_id=2, pad_token_id=0)
GATED = dict(SMALL, num_key_value_heads=2, intermediate_size=24)


def rope(kind="default", theta=10000.0, **more):
    return {"rope_parameters": dict(rope_type=kind, rope_theta=theta, **more)}


GPT2 = dict(vocab_size=V, n_embd=D, n_layer=L, n_head=4, n_positions=32, bos_token_id=1, eos_token_id=2)
SEPARATE = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
OPT = ["self_attn.k_proj", "self_attn.v_proj", "self_attn.q_proj", "self_attn.out_proj", "fc1", "fc2"]
PHI = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.dense", "mlp.fc1", "mlp.fc2"]
NEOX = ["attention.query_key_value", "attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"]
CONV1D = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"]
FUSED = ["self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj", "mlp.down_proj"]

# name: model_type, config, linear layers of a block
MODELS = {
    "llama": ("llama", dict(GATED, attention_bias=True, **rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)), SEPARATE),
    "llama, rope dynamic": ("llama", dict(GATED, num_key_value_heads=4, **rope("dynamic", factor=2.0)) | {"max_position_embeddings": 8}, SEPARATE),
    "llama, rope yarn": ("llama", dict(GATED, tie_word_embeddings=True, **rope("yarn", factor=4.0, original_max_position_embeddings=8)), SEPARATE),
    "mistral": ("mistral", dict(GATED, sliding_window=5, head_dim=6, **rope()), SEPARATE),
    "opt": ("opt", dict(SMALL, ffn_dim=24, word_embed_proj_dim=D), OPT),
    "opt, 350m": ("opt", dict(SMALL, ffn_dim=24, word_embed_proj_dim=8, do_layer_norm_before=False), OPT),
    "opt, without biases": ("opt", dict(SMALL, ffn_dim=24, word_embed_proj_dim=D, enable_bias=False, layer_norm_elementwise_affine=False, activation_function="gelu", tie_word_embeddings=False), OPT),
    "phi": ("phi", dict(GATED, num_key_value_heads=4, **rope(partial_rotary_factor=0.5)), PHI),
    "phi, q and k normalised": ("phi", dict(GATED, qk_layernorm=True, **rope(partial_rotary_factor=0.5)), PHI),
    "qwen2": ("qwen2", dict(GATED, use_sliding_window=True, sliding_window=5, max_window_layers=1, **rope()), SEPARATE),
    "qwen3": ("qwen3", dict(GATED, head_dim=6, tie_word_embeddings=True, **rope()), SEPARATE),
    "gemma": ("gemma", dict(GATED, head_dim=6, **rope()), SEPARATE),
    "gemma2": ("gemma2", dict(GATED, head_dim=6, sliding_window=5, query_pre_attn_scalar=9, attn_logit_softcapping=3.0, final_logit_softcapping=4.0, **rope()), SEPARATE),
    "gemma3": ("gemma3_text", dict(GATED, head_dim=6, sliding_window=5, query_pre_attn_scalar=7, layer_types=["sliding_attention", "full_attention", "sliding_attention"]), SEPARATE),
    "phi3": ("phi3", dict(GATED, sliding_window=9, original_max_position_embeddings=8, **rope("longrope", original_max_position_embeddings=8, short_factor=[1.0, 1.1], long_factor=[1.5, 3.0])), FUSED),
    "gpt2": ("gpt2", dict(GPT2, scale_attn_by_inverse_layer_idx=True), CONV1D),
    "gpt_neox": ("gpt_neox", dict(SMALL, intermediate_size=24, **rope(partial_rotary_factor=0.5)), NEOX),
    "gpt_neox, serial": ("gpt_neox", dict(SMALL, intermediate_size=24, use_parallel_residual=False, attention_bias=False, **rope(partial_rotary_factor=1.0)), NEOX),
    "smollm3": ("smollm3", dict(GATED, no_rope_layers=[1, 0, 1], **rope()), SEPARATE),
    "olmo2": ("olmo2", dict(GATED, **rope("linear", factor=4.0)), SEPARATE),
    "granite": ("granite", dict(GATED, embedding_multiplier=3.0, attention_multiplier=0.2, residual_multiplier=0.7, logits_scaling=2.0, **rope()), SEPARATE),
    "stablelm": ("stablelm", dict(GATED, use_qkv_bias=True, **rope(partial_rotary_factor=0.5)), SEPARATE),
    "stablelm, parallel": ("stablelm", dict(GATED, use_parallel_residual=True, **rope(partial_rotary_factor=0.5)), SEPARATE),
    "starcoder2": ("starcoder2", dict(GATED, sliding_window=7, **rope()), [*SEPARATE[:4], "mlp.c_fc", "mlp.c_proj"]),
}


# Written in the spelling of before transformers 5.
OLD = ("llama", "llama, rope yarn", "phi", "qwen3", "gpt_neox", "stablelm", "granite")


def lehmer(seed):
    state = seed % 2147483646 + 1
    while True:
        state = state * 48271 % 2147483647
        yield (state - 1) / 2147483646


def fill(parameter, seed, centre, width):
    random = lehmer(seed)
    values = [centre + width * 2 * (next(random) + next(random) + next(random) - 1.5) for _ in range(parameter.numel())]
    parameter.data.copy_(torch.tensor(numpy.array(values, dtype=numpy.float32)).view(parameter.shape))


def blocks_of(model):
    for path in ("model.decoder.layers", "model.layers", "transformer.h", "gpt_neox.layers"):
        found = model
        for part in path.split("."):
            found = getattr(found, part, None)
        if found is not None:
            return path, found


def prune(model, layers, windows):
    """Wanda, half of each row: kept-bits of every layer, row by row, bit j of byte k = column 8k+j."""
    masks, path = {}, blocks_of(model)[0]
    for b, block in enumerate(blocks_of(model)[1]):
        linears = [(name, block.get_submodule(name)) for name in layers]
        squares = {name: 0 for name in layers}
        hooks = []
        for name, module in linears:
            def add(_module, inputs, _output, name=name):
                squares[name] = squares[name] + inputs[0].reshape(-1, inputs[0].shape[-1]).double().square().sum(0)
            hooks.append(module.register_forward_hook(add))
        for window in windows:
            model(torch.tensor([window]), use_cache=False)
        for hook in hooks:
            hook.remove()
        for name, module in linears:
            weight = module.weight.data.t() if isinstance(module, Conv1D) else module.weight.data
            scores = weight.abs() * (squares[name] / len(windows)).sqrt().float()
            ordered, index = torch.sort(scores, dim=-1, stable=True)
            k = scores.shape[1] // 2
            gap = float((ordered[:, k] / ordered[:, k - 1]).min())
            if gap < 1 + 2e-5:
                return None  # too near a tie for other sums to agree: another seed
            pruned = torch.zeros_like(scores, dtype=torch.bool).scatter_(1, index[:, :k], True)
            weight[pruned] = 0
            masks[f"{path}.{b}.{name}"] = base64.b64encode(numpy.packbits(~pruned.numpy(), axis=1, bitorder="little").tobytes()).decode()
    return masks


def written(name, kind, config):
    """What config.json needs to say: nothing that is the default of the class, so that the defaults are held too; of some
    models in the spelling of before transformers 5."""
    default = transformers.AutoConfig.for_model(kind).to_dict()
    said = {k: v for k, v in config.to_dict().items() if default.get(k, "") != v and k not in ("transformers_version", "architectures", "dtype", "layer_types")}
    if config.to_dict().get("layer_types") != transformers.AutoConfig.for_model(kind, **said).to_dict().get("layer_types"):
        said["layer_types"] = config.layer_types
    if name in OLD:
        parameters = said.pop("rope_parameters", {})
        kind_of = parameters.pop("rope_type", "default")
        for key, value in parameters.pop("full_attention", {}).items() if kind == "gemma3_text" else ():
            said["rope_theta" if key == "rope_theta" else key] = value
        theta = parameters.pop("rope_theta", None)
        share = parameters.pop("partial_rotary_factor", None)
        neox = kind == "gpt_neox"
        if theta is not None:
            said["rotary_emb_base" if neox else "rope_theta"] = theta
        if share is not None:
            said["rotary_pct" if neox else "partial_rotary_factor"] = share
        said["rope_scaling"] = None if kind_of == "default" else {"type": kind_of, **parameters}
    again = transformers.AutoConfig.for_model(kind, **json.loads(json.dumps(said))).to_dict()
    assert all(again[k] == v for k, v in config.to_dict().items() if k not in ("dtype", "architectures", "rope_parameters")), name
    rope = lambda c: {k: v for k, v in (c.get("rope_parameters") or {}).items() if k not in ("type", "original_max_position_embeddings")}
    assert rope(again) == rope(config.to_dict()), (name, again.get("rope_parameters"), config.to_dict().get("rope_parameters"))
    return said | {"model_type": kind}


def make(name, seed):
    kind, settings, layers = MODELS[name]
    config = transformers.AutoConfig.for_model(kind, **settings)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval().requires_grad_(False)
    tensors = {}
    for n, p in model.named_parameters():
        is_norm = "norm" in n or ".ln_" in n
        centre = (1 if float(p.float().mean()) == 1 else 0) if is_norm else 0
        width = 0.3 if is_norm else 0.4 if "embed" in n or ".wte" in n or ".wpe" in n or p.dim() == 1 else 0.25
        seed += 1
        fill(p, seed, centre, width)
        tensors[n] = {"shape": list(p.shape), "seed": seed, "centre": centre, "width": width}
    draw = lehmer(seed)
    windows = [[3 + int(next(draw) * (V - 3)) for _ in range(T)] for _ in range(W)]
    logits = model(torch.tensor([windows[0]]), use_cache=False).logits[0]
    short = model(torch.tensor([windows[1][:6]]), use_cache=False).logits[0]
    row = lambda values: [float(f"{v:.8g}") for v in values.tolist()]
    logits = {"5": row(logits[5]), "13": row(logits[13]), "short": row(short[5])}
    masks = prune(model, layers, windows)
    if masks is None:
        return make(name, seed + 1000)
    after = row(model(torch.tensor([windows[0]]), use_cache=False).logits[0][13])
    return {"config": written(name, kind, config), "tensors": tensors, "windows": windows, "logits": logits, "kept": masks, "pruned": after}


made = {name: make(name, 1000 * i) for i, name in enumerate(MODELS)}
out = {"made": {"by": "test/golden/make_families.py", "torch": torch.__version__, "transformers": transformers.__version__}, "models": made}
lines = [f'{json.dumps(n)}: {json.dumps(m, separators=(",", ":"))}' for n, m in made.items()]
text = '{"made": ' + json.dumps(out["made"]) + ', "models": {\n' + ",\n".join(lines) + "\n}}\n"
pathlib.Path(__file__).with_name("families.json").write_text(text, encoding="utf-8")
print(len(text), "bytes", len(made), "models")
