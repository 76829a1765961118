"""Names: which tensor of a published encoder of images is which of ours, and its sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isqrt
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from deeplode.pretrained.convnext import ConvnextSizes
from deeplode.pretrained.resnet import STAGES, ResnetSizes, Stage
from deeplode.pretrained.vit import VitSizes

Tensors = Mapping[str, Tensor]

# Names of timm that are built as ours are; others share tensors' names and compute otherwise.
VITS = re.compile(
    r"(vit|deit|deit3)_(tiny|small|base|large|huge|giant|gigantic)_patch\d+_\d+"
    r"|vit_(small|base|large)_patch14_dinov2|test_vit"
)
RESNETS = re.compile(r"(wide_)?resnet\d+(_\d+)?|resnet\d+[dt]|resnext\d+_\d+x\d+d|test_resnet")
CONVNEXTS = re.compile(r"convnext(v2)?_(atto|femto|pico|nano|tiny|small|base|large|xlarge|huge)")
_SIXTEEN = re.compile(r"huge|giant|gigantic")  # whose heads are 16, whatever their width

_VIT = {  # patterns in files of Hugging Face and of timm, and ours
    r"embeddings\.cls_token|cls_token": "token",
    r"embeddings\.position_embeddings|pos_embed": "places",
    r"(?:embeddings\.patch_embeddings\.projection|patch_embed\.proj)\.(weight|bias)": r"patches.\1",
    r"encoder\.layer\.(\d+)\.(?:layernorm_before|norm1)\.(weight|bias)": r"layers.\1.norm1.\2",
    r"encoder\.layer\.(\d+)\.(?:layernorm_after|norm2)\.(weight|bias)": r"layers.\1.norm2.\2",
    r"encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.(weight|bias)":
        r"layers.\1.\2.\3",
    r"encoder\.layer\.(\d+)\.attention\.output\.dense\.(weight|bias)": r"layers.\1.proj.\2",
    r"encoder\.layer\.(\d+)\.(?:intermediate\.dense|mlp\.fc1)\.(weight|bias)": r"layers.\1.fc1.\2",
    r"encoder\.layer\.(\d+)\.(?:output\.dense|mlp\.fc2)\.(weight|bias)": r"layers.\1.fc2.\2",
    r"encoder\.layer\.(\d+)\.layer_scale(\d)\.lambda1": r"layers.\1.scale\2",
    r"blocks\.(\d+)\.(norm\d)\.(weight|bias)": r"layers.\1.\2.\3",
    r"blocks\.(\d+)\.attn\.(qkv|proj)\.(weight|bias)": r"layers.\1.\2.\3",
    r"blocks\.(\d+)\.mlp\.(fc\d)\.(weight|bias)": r"layers.\1.\2.\3",
    r"blocks\.(\d+)\.ls(\d)\.gamma": r"layers.\1.scale\2",
    r"(?:layernorm|norm|fc_norm)\.(weight|bias)": r"norm.\1",
}  # fmt: skip
_UNIT = r"(weight|bias|running_mean|running_var|num_batches_tracked)"
_STAGE = r"(?:encoder\.)?stages\.(\d+)\.(?:layers|blocks)\.(\d+)"
_RESNET = {
    r"embedder\.embedder\.convolution\.weight": "conv1.weight",
    rf"embedder\.embedder\.normalization\.{_UNIT}": r"bn1.\1",
    r"encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.(\d+)\.convolution\.weight":
        r"layer\1+.\2.conv\3+.weight",
    rf"encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.(\d+)\.normalization\.{_UNIT}":
        r"layer\1+.\2.bn\3+.\4",
    r"encoder\.stages\.(\d+)\.layers\.(\d+)\.shortcut\.convolution\.weight":
        r"layer\1+.\2.downsample.0.weight",
    rf"encoder\.stages\.(\d+)\.layers\.(\d+)\.shortcut\.normalization\.{_UNIT}":
        r"layer\1+.\2.downsample.1.\3",
    rf"(conv1(?:\.\d)?|bn1|layer\d\.\d+\.(?:conv\d|bn\d|downsample\.\d))\.{_UNIT}": r"\1.\2",
}  # fmt: skip
_CONVNEXT = {
    r"(?:embeddings\.patch_embeddings|stem\.0)\.(weight|bias)": r"before.0.0.\1",
    r"(?:embeddings\.layernorm|stem\.1)\.(weight|bias)": r"before.0.1.\1",
    r"(?:encoder\.)?stages\.(\d+)\.(?:downsampling_layer|downsample)\.(\d)\.(weight|bias)":
        r"before.\1.\2.\3",
    rf"{_STAGE}\.(?:dwconv|conv_dw)\.(weight|bias)": r"stages.\1.\2.apart.\3",
    rf"{_STAGE}\.(?:layernorm|norm)\.(weight|bias)": r"stages.\1.\2.norm.\3",
    rf"{_STAGE}\.(?:pwconv|mlp\.fc)(\d)\.(weight|bias)": r"stages.\1.\2.fc\3.\4",
    rf"{_STAGE}\.(?:layer_scale_parameter|gamma)": r"stages.\1.\2.gamma",
    rf"{_STAGE}\.(?:mlp\.)?grn\.(weight|bias)": r"stages.\1.\2.\3",
    r"(?:layernorm|head\.norm|norm)\.(weight|bias)": r"norm.\1",
}  # fmt: skip


def convnext_of(
    config: Mapping[str, Any], tensors: Tensors, side: int
) -> tuple[ConvnextSizes, Tensors]:
    """Sizes and tensors by our names; the shapes say nearly all. Raises as ``vit_of``."""
    own = _renamed(tensors, _CONVNEXT)
    blocks = [0, 0, 0, 0]
    for name in [one for one in own if one.endswith(".fc1.weight")]:
        _, stage, block, *_ = name.split(".")
        blocks[int(stage)] = max(blocks[int(stage)], int(block) + 1)
        for layer in ("fc1", "fc2"):  # as convolutions of one pixel in some files
            full = f"stages.{stage}.{block}.{layer}.weight"
            own[full] = own[full].flatten(1)
        head = f"stages.{stage}.{block}"
        two = [own.pop(f"{head}.{part}", None) for part in ("weight", "bias")]
        if two[0] is not None and two[1] is not None:
            own[f"{head}.strong"] = torch.stack([one.flatten() for one in two if one is not None])
    sizes = ConvnextSizes(
        side, own["before.0.0.weight"].shape[1], tuple(blocks),
        tuple(own[f"stages.{stage}.0.apart.weight"].shape[0] for stage in range(len(blocks))),
        scaled="stages.0.0.gamma" in own,
        responding="stages.0.0.strong" in own,
        epsilon=float(config.get("layer_norm_eps", 1e-6)),
    )  # fmt: skip
    return sizes, own


def vit_of(config: Mapping[str, Any], tensors: Tensors, side: int) -> tuple[VitSizes, Tensors]:
    """Sizes and tensors by our names. side: of the images that it shall read, in pixels.

    Raises KeyError, TypeError or ValueError where they do not fit together.
    """
    own = _renamed(tensors, _VIT)
    layers = 1 + max(int(name.split(".")[1]) for name in own if name.startswith("layers."))
    for layer in range(layers):
        for part in ("weight", "bias"):
            three = [own.pop(f"layers.{layer}.{one}.{part}", None)
                     for one in ("query", "key", "value")]  # fmt: skip
            if all(one is not None for one in three):
                own[f"layers.{layer}.qkv.{part}"] = torch.cat(three)  # type: ignore[arg-type]
    patches, places = own["patches.weight"], own["places"]
    width, channels, patch, _ = patches.shape
    if side % patch:
        raise ValueError(f"{side} pixels are no multiple of {patch}")
    placed = isqrt(places.shape[1]) ** 2 != places.shape[1]
    own["places"] = _spread(places, placed, side // patch)
    sizes = VitSizes(
        channels, patch, side // patch, width, own["layers.0.fc1.weight"].shape[0], layers,
        heads=_heads(config, width),
        scaled="layers.0.scale1" in own,
        token="token" in own,
        placed=placed,
        mean="token" not in own or any(name.startswith("fc_norm.") for name in tensors),
        epsilon=float(config.get("layer_norm_eps", 1e-6)),
    )  # fmt: skip
    return sizes, own


def _heads(config: Mapping[str, Any], width: int) -> int:
    """Told by Hugging Face's config, or by timm's name: 64 features a head in most."""
    if "num_attention_heads" in config:
        return int(config["num_attention_heads"])
    name = str(config["architecture"])
    if name.startswith("test_"):
        return 2
    return 16 if _SIXTEEN.search(name) else width // 64


def _spread(places: Tensor, placed: bool, grid: int) -> Tensor:
    """The embedding of places for another grid, between its own. (1, places, width)."""
    token, rest = places[:, : int(placed)], places[:, int(placed) :]
    side = isqrt(rest.shape[1])
    if side**2 != rest.shape[1]:
        raise ValueError(f"{rest.shape[1]} places are no square")
    if side == grid:
        return places
    square = rest.float().view(1, side, side, -1).permute(0, 3, 1, 2)
    wide = interpolate(square, (grid, grid), mode="bicubic", antialias=True)
    return torch.cat([token, wide.flatten(2).transpose(1, 2)], 1)


def resnet_of(tensors: Tensors, side: int) -> tuple[ResnetSizes, Tensors]:
    """Sizes and tensors by our names, which are timm's: shapes say all. Raises as ``vit_of``."""
    own = _renamed(tensors, _RESNET)
    deep = "conv1.0.weight" in own
    stem = [own[f"conv1.{at}.weight"] for at in (0, 3, 6)] if deep else [own["conv1.weight"]]
    stages = tuple(_stage(own, f"layer{number}") for number in range(1, STAGES + 1))
    averaged = "layer2.0.downsample.2.weight" in own
    sizes = ResnetSizes(
        side, stem[0].shape[1], tuple(one.shape[0] for one in stem), stages, averaged,
    )  # fmt: skip
    return sizes, own


def _stage(own: Tensors, name: str) -> Stage:
    blocks = {int(one.split(".")[1]) for one in own if one.startswith(f"{name}.")}
    inner, three = own[f"{name}.0.conv1.weight"].shape[0], f"{name}.0.conv3.weight" in own
    outer = own[f"{name}.0.conv{3 if three else 2}.weight"].shape[0]
    groups = inner // own[f"{name}.0.conv2.weight"].shape[1] if three else 1
    return Stage(len(blocks), inner, outer, three, groups)


def _renamed(tensors: Tensors, names: Mapping[str, str]) -> dict[str, Tensor]:
    """The tensors that a pattern fits, by our names. ``\\1+`` is a number raised by one."""
    patterns = [(re.compile(rf"(?:[a-z0-9_]+\.)?(?:{name})"), own) for name, own in names.items()]
    found = {}
    for name, tensor in tensors.items():
        for pattern, own in patterns:
            if match := pattern.fullmatch(name):
                ours = match.expand(own)
                found[re.sub(r"(\d+)\+", lambda one: str(int(one[1]) + 1), ours)] = tensor
                break
    return found
