import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Test processes side by side share the cores: each gets one, and so do the commands that it starts.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is no failure; and a run that gates a change draws the same examples every time.
settings.register_profile("suite", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("suite")

SPECIAL_TOKENS = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
WORDS = "left right upper lower lung lungs and two areas bilateral pulmonary infection infected , . all ##s na ##ive"


@pytest.fixture(scope="session")
def write_cxr_bert() -> Callable[..., Path]:
    """Write a folder in the format of microsoft/BiomedVLP-CXR-BERT-specialized, with random weights."""

    def write(folder: Path, seed: int = 0, words: str = WORDS, safetensors: bool = False, **sizes: int) -> Path:
        import torch
        from safetensors.torch import save_file
        from transformers import BertConfig, BertForMaskedLM

        vocabulary = [*SPECIAL_TOKENS.values(), *words.split()]
        config = {
            "vocab_size": len(vocabulary), "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4,
            "intermediate_size": 64, "max_position_embeddings": 64, "type_vocab_size": 2, "hidden_act": "gelu",
            "hidden_dropout_prob": 0.25, "attention_probs_dropout_prob": 0.25, "layer_norm_eps": 1e-12,
            "initializer_range": 0.02, "pad_token_id": 0, "position_embedding_type": "absolute", **sizes,
        }  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            weights = dict(BertForMaskedLM(BertConfig(**{**config, "initializer_range": 0.2})).state_dict())
            width = config["hidden_size"]
            weights |= {
                "bert.embeddings.position_ids": torch.arange(config["max_position_embeddings"])[None],
                "cls_projection_head.dense_to_hidden.weight": torch.randn(128, width),
                "cls_projection_head.dense_to_hidden.bias": torch.randn(128),
                "cls_projection_head.LayerNorm.weight": torch.ones(128),
                "cls_projection_head.LayerNorm.bias": torch.zeros(128),
                "cls_projection_head.dense_to_output.weight": torch.randn(128, 128),
                "cls_projection_head.dense_to_output.bias": torch.randn(128),
            }
        folder.mkdir(parents=True, exist_ok=True)
        own_code = {"AutoConfig": "configuration_cxrbert.CXRBertConfig", "AutoModel": "modeling_cxrbert.CXRBertModel"}
        content = {
            **config, "architectures": ["CXRBertModel"], "auto_map": own_code, "model_type": "cxr-bert",
            "projection_size": 128, "torch_dtype": "float32", "transformers_version": "4.17.0", "use_cache": True,
        }  # fmt: skip
        tokenizer = {
            "do_lower_case": True, "model_max_length": 512, "tokenizer_class": "CXRBertTokenizer",
            "auto_map": {"AutoTokenizer": ["configuration_cxrbert.CXRBertTokenizer", None]}, **SPECIAL_TOKENS,
        }  # fmt: skip
        (folder / "config.json").write_text(json.dumps(content))
        (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
        (folder / "special_tokens_map.json").write_text(json.dumps(SPECIAL_TOKENS))
        (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
        if safetensors:
            save_file({name: weight.clone() for name, weight in weights.items()}, folder / "model.safetensors")
        else:
            torch.save(weights, folder / "pytorch_model.bin")
        for module in ("configuration_cxrbert", "modeling_cxrbert"):
            (folder / f"{module}.py").write_text("raise AssertionError('code of the folder was run')\n")
        return folder

    return write
