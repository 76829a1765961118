"""Tiny folders of pretrained encoders, as Hugging Face and timm publish them, made here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

WORDS = ["awful", "broken", "slow", "never", "again", "refund", "great", "lovely", "fast", "thanks"]
SIZE = 32
README = "---\nlicense: apache-2.0\ntags: [tiny]\n---\n\n# Tiny\n"


def drawn(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights; norms near 1, and variances that are some."""
    chance = torch.Generator().manual_seed(seed)
    found = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            found[name] = torch.tensor(7)
            continue
        own = torch.randn(shape, generator=chance) * 0.3
        if name.endswith("running_var"):
            own = own.abs() + 0.5
        elif len(shape) == 1 and name.endswith("weight"):
            own = own + 1
        found[name] = own
    return found


def written(folder: Path, config: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    save_file(tensors, folder / "model.safetensors")
    return folder


def bert_shapes(words: int, prefix: str = "bert.") -> dict[str, tuple[int, ...]]:
    """Names and shapes of a BERT of two layers."""
    found: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (words, SIZE),
        "embeddings.position_embeddings.weight": (64, SIZE),
        "embeddings.token_type_embeddings.weight": (2, SIZE),
        "embeddings.LayerNorm.weight": (SIZE,),
        "embeddings.LayerNorm.bias": (SIZE,),
        "pooler.dense.weight": (SIZE, SIZE),
        "pooler.dense.bias": (SIZE,),
    }
    linear = {
        "attention.self.query": (SIZE, SIZE),
        "attention.self.key": (SIZE, SIZE),
        "attention.self.value": (SIZE, SIZE),
        "attention.output.dense": (SIZE, SIZE),
        "intermediate.dense": (48, SIZE),
        "output.dense": (SIZE, 48),
    }
    for layer in range(2):
        for name, shape in linear.items():
            found[f"encoder.layer.{layer}.{name}.weight"] = shape
            found[f"encoder.layer.{layer}.{name}.bias"] = shape[:1]
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            found[f"encoder.layer.{layer}.{name}.weight"] = (SIZE,)
            found[f"encoder.layer.{layer}.{name}.bias"] = (SIZE,)
    return {prefix + name: shape for name, shape in found.items()}


def tokenizer(folder: Path) -> int:
    """Write a small WordPiece tokenizer; returns how many tokens it has."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, *"abcdefghijklmnopqrstuvwxyz0123456789"]
    pieces += [f"##{one}" for one in "abcdefghijklmnopqrstuvwxyz0123456789"]
    made = Tokenizer(
        models.WordPiece({one: at for at, one in enumerate(pieces)}, unk_token="[UNK]")
    )
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    made.save(str(folder / "tokenizer.json"))
    return len(pieces)


def text_folder(folder: Path) -> Path:
    """A BERT of two layers with a WordPiece tokenizer."""
    config = {
        "model_type": "bert",
        "num_attention_heads": 4,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
    }
    folder.mkdir(parents=True)
    words = tokenizer(folder)
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    (folder / "README.md").write_text(README, "utf-8")
    save_file(drawn(bert_shapes(words)), folder / "model.safetensors")
    return folder


def resnet_shapes() -> dict[str, tuple[int, ...]]:
    """timm's test_resnet but narrower: three convolutions before the stages, averaged shortcuts."""
    found: dict[str, tuple[int, ...]] = {}

    def norm(name: str, width: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            found[f"{name}.{part}"] = (width,)
        found[f"{name}.num_batches_tracked"] = ()

    stem = [(4, 3), (4, 4), (8, 4)]
    for at, (out, inputs) in zip((0, 3, 6), stem, strict=True):
        found[f"conv1.{at}.weight"] = (out, inputs, 3, 3)
        if at < 6:
            norm(f"conv1.{at + 1}", out)
    norm("bn1", 8)
    inputs = 8
    for stage, width in enumerate((8, 12, 12, 16), 1):
        name = f"layer{stage}.0"
        found[f"{name}.conv1.weight"] = (width, inputs, 3, 3)
        norm(f"{name}.bn1", width)
        found[f"{name}.conv2.weight"] = (width, width, 3, 3)
        norm(f"{name}.bn2", width)
        if stage > 1:
            found[f"{name}.downsample.1.weight"] = (width, inputs, 1, 1)
            norm(f"{name}.downsample.2", width)
        inputs = width
    return {**found, "fc.weight": (10, 16), "fc.bias": (10,)}


def vit_shapes() -> dict[str, tuple[int, ...]]:
    """timm's test_vit but smaller: two layers, patches of 16 pixels of 48."""
    found: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, SIZE),
        "pos_embed": (1, 10, SIZE),
        "patch_embed.proj.weight": (SIZE, 3, 16, 16),
        "patch_embed.proj.bias": (SIZE,),
        "norm.weight": (SIZE,),
        "norm.bias": (SIZE,),
        "head.weight": (10, SIZE),
        "head.bias": (10,),
    }
    linear = {"attn.qkv": (96, SIZE), "attn.proj": (SIZE, SIZE), "mlp.fc1": (48, SIZE)}
    for layer in range(2):
        for name, shape in {**linear, "mlp.fc2": (SIZE, 48)}.items():
            found[f"blocks.{layer}.{name}.weight"] = shape
            found[f"blocks.{layer}.{name}.bias"] = shape[:1]
        for norm in ("norm1", "norm2"):
            found[f"blocks.{layer}.{norm}.weight"] = (SIZE,)
            found[f"blocks.{layer}.{norm}.bias"] = (SIZE,)
    return found


def convnext_shapes() -> dict[str, tuple[int, ...]]:
    """timm's convnextv2_atto but narrower, a block a stage; its products are convolutions."""
    found: dict[str, tuple[int, ...]] = {}

    def both(name: str, *shape: int) -> None:
        found[f"{name}.weight"] = shape
        found[f"{name}.bias"] = shape[:1]

    both("stem.0", 8, 3, 4, 4)
    both("stem.1", 8)
    inputs = 8
    for stage, width in enumerate((8, 12, 12, 16)):
        if stage:
            both(f"stages.{stage}.downsample.0", inputs)
            both(f"stages.{stage}.downsample.1", width, inputs, 2, 2)
        name = f"stages.{stage}.blocks.0"
        both(f"{name}.conv_dw", width, 1, 7, 7)
        both(f"{name}.norm", width)
        both(f"{name}.mlp.fc1", 4 * width, width, 1, 1)
        both(f"{name}.mlp.grn", 4 * width)
        both(f"{name}.mlp.fc2", width, 4 * width, 1, 1)
        inputs = width
    both("head.norm", 16)
    both("head.fc", 10, 16)
    return found


IMAGES = {  # names of timm: names and shapes, pixels of a side
    "test_resnet": (resnet_shapes, 64),
    "test_vit": (vit_shapes, 48),
    "convnextv2_atto": (convnext_shapes, 64),
}


def image_folder(folder: Path, architecture: str = "test_resnet") -> Path:
    """A folder as timm publishes it."""
    shapes, side = IMAGES[architecture]
    config = {
        "architecture": architecture,
        "num_classes": 10,
        "pretrained_cfg": {
            "input_size": [3, side, side],
            "interpolation": "bicubic",
            "crop_pct": 0.95,
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "license": "mit",
        },
    }
    return written(folder, config, drawn(shapes()))
