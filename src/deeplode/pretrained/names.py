"""Names: which tensor of a published encoder of texts is which of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from deeplode.pretrained.bert import BertSizes

Tensors = Mapping[str, Tensor]

# Patterns of names in such files, and ours; {} is a layer's number. What is in front of them
# (``bert.``, ``roberta.``, …) does not count.
_BERT = {
    "embeddings.word_embeddings.weight": "words.weight",
    "embeddings.position_embeddings.weight": "positions.weight",
    "embeddings.token_type_embeddings.weight": "kinds.weight",
    "embeddings.LayerNorm.*": "norm.*",
    "embeddings_project.*": "project.*",
    "encoder.relative_attention_bias.weight": "distances.weight",
    "encoder.layer.{}.attention.self.query.*": "layers.{}.query.*",
    "encoder.layer.{}.attention.self.key.*": "layers.{}.key.*",
    "encoder.layer.{}.attention.self.value.*": "layers.{}.value.*",
    "encoder.layer.{}.attention.output.dense.*": "layers.{}.out.*",
    "encoder.layer.{}.attention.output.LayerNorm.*": "layers.{}.norm1.*",
    "encoder.layer.{}.attention.attn.q.*": "layers.{}.query.*",
    "encoder.layer.{}.attention.attn.k.*": "layers.{}.key.*",
    "encoder.layer.{}.attention.attn.v.*": "layers.{}.value.*",
    "encoder.layer.{}.attention.attn.o.*": "layers.{}.out.*",
    "encoder.layer.{}.attention.LayerNorm.*": "layers.{}.norm1.*",
    "encoder.layer.{}.intermediate.dense.*": "layers.{}.up.*",
    "encoder.layer.{}.output.dense.*": "layers.{}.down.*",
    "encoder.layer.{}.output.LayerNorm.*": "layers.{}.norm2.*",
    "transformer.layer.{}.attention.q_lin.*": "layers.{}.query.*",
    "transformer.layer.{}.attention.k_lin.*": "layers.{}.key.*",
    "transformer.layer.{}.attention.v_lin.*": "layers.{}.value.*",
    "transformer.layer.{}.attention.out_lin.*": "layers.{}.out.*",
    "transformer.layer.{}.sa_layer_norm.*": "layers.{}.norm1.*",
    "transformer.layer.{}.ffn.lin1.*": "layers.{}.up.*",
    "transformer.layer.{}.ffn.lin2.*": "layers.{}.down.*",
    "transformer.layer.{}.output_layer_norm.*": "layers.{}.norm2.*",
}
_OLD = {"gamma": "weight", "beta": "bias"}  # as the first files of BERT call a norm's
_LAYER = re.compile(r"layers\.(\d+)\.")
# Architectures, and whether their positions begin after that of the padding token.
FAMILIES = {
    "bert": False, "distilbert": False, "electra": False, "roberta": True, "xlm-roberta": True,
    "camembert": True, "mpnet": True,
}  # fmt: skip


def _pattern(name: str) -> re.Pattern[str]:
    text = re.escape(name).replace(r"\{\}", r"(?P<layer>\d{1,3})")
    return re.compile(r"(?:[a-z_]+\.)?" + text.replace(r"\*", "(?P<part>weight|bias|gamma|beta)"))


_PATTERNS = [(_pattern(name), own) for name, own in _BERT.items()]


def named(tensors: Tensors) -> dict[str, Tensor]:
    """The tensors of the encoder by our names; those of heads on top of it are left out."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        for pattern, own in _PATTERNS:
            if match := pattern.fullmatch(name):
                parts = match.groupdict()
                part = parts.get("part") or ""
                own = own.replace("{}", parts.get("layer") or "")
                found[own.replace("*", _OLD.get(part, part))] = tensor
    return found


def sizes_of(config: Mapping[str, Any], own: Tensors) -> BertSizes:
    """What such tensors and their config.json say together.

    own: by our names. Raises KeyError, TypeError or ValueError where they do not.
    """
    family = config["model_type"]
    after_padding = FAMILIES[family]
    layers = [int(match[1]) for name in own if (match := _LAYER.match(name))]
    words, kinds, bias = own["words.weight"], own.get("kinds.weight"), own.get("distances.weight")
    up = own["layers.0.up.weight"]
    if config.get("position_embedding_type", "absolute") != "absolute":
        raise ValueError(f"position_embedding_type {config['position_embedding_type']!r}")
    if config.get("is_decoder"):
        raise ValueError("is_decoder")
    heads = config["n_heads"] if family == "distilbert" else config["num_attention_heads"]
    activation = config.get("activation" if family == "distilbert" else "hidden_act", "gelu")
    return BertSizes(
        words=words.shape[0],
        positions=own["positions.weight"].shape[0],
        kinds=0 if kinds is None else kinds.shape[0],
        embedding=words.shape[1],
        width=up.shape[1],
        inner=up.shape[0],
        layers=max(layers) + 1,
        heads=heads,
        distances=0 if bias is None else bias.shape[0],
        first=int(config.get("pad_token_id", 1)) + 1 if after_padding else 0,
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        activation=activation,
    )
