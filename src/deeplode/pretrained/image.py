"""Images through a pretrained encoder: made ready as it was trained, one vector an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from deeplode.errors import OptionError
from deeplode.pretrained.convnext import ConvnextSizes
from deeplode.pretrained.folder import Folder, Origin
from deeplode.pretrained.imagenames import CONVNEXTS, RESNETS, VITS, convnext_of, resnet_of, vit_of
from deeplode.pretrained.look import Look, look_of_huggingface, look_of_timm
from deeplode.pretrained.resnet import ResnetSizes
from deeplode.pretrained.vit import VitSizes
from deeplode.pretrained.weights import arrays_of, filled, restored_net, unit

BATCH = 4  # images that go through it at once, or as many that fill the batch up
CHANNELS = 3
MOST_STEP = 1_500_000_000  # bytes of images on their way: sizes in a file may ask for any number
Sizes = VitSizes | ResnetSizes | ConvnextSizes
SIZES: dict[str, Any] = {"vit": VitSizes, "resnet": ResnetSizes, "convnext": ConvnextSizes}
NAMES = {"vit": VITS, "resnet": RESNETS, "convnext": CONVNEXTS}  # of timm, by ours
HUGGING_FACE = {  # its architectures, and ours
    "vit": "vit", "dinov2": "vit", "resnet": "resnet", "convnext": "convnext",
    "convnextv2": "convnext",
}  # fmt: skip
KNOWN = (
    "vit, dinov2, resnet, convnext, convnextv2; timm: vit_*, deit_*, deit3_*, resnet*, resnext*, "
    "wide_resnet*, convnext*"
)


@dataclass(frozen=True, eq=False)
class ImageModel:
    """A pretrained encoder of images. family: key of SIZES. tuned: as ``TextModel`` has it."""

    origin: Origin
    family: str
    sizes: Sizes
    look: Look
    net: nn.Module
    tuned: bool = False

    medium = "image"

    def __post_init__(self) -> None:
        if self.sizes.step_bytes(BATCH) > MOST_STEP:
            raise ValueError(f"images that take {self.sizes.step_bytes(BATCH)} bytes on their way")
        channels = self.sizes.channels
        if self.sizes.side != self.look.side or channels != CHANNELS:
            raise ValueError(f"images of {channels} channels and {self.look.side} pixels")

    @property
    def width(self) -> int:
        """Numbers that it makes of an image."""
        return self.sizes.features

    @property
    def step_bytes(self) -> int:
        """Bytes of one step, beside the weights."""
        return self.sizes.step_bytes(BATCH) + 16 * BATCH * CHANNELS * self.look.side**2

    @torch.inference_mode()
    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(images, channels, side, side) -> (images, width).

        They go through it in batches of one size: what an image becomes does not depend on its
        neighbours.
        """
        out = np.empty((len(images), self.width), np.float32)
        mean, deviation = (
            torch.tensor(one).view(1, -1, 1, 1) for one in (self.look.mean, self.look.deviation)
        )
        for first in range(0, len(images), BATCH):
            part = torch.from_numpy(images[first : first + BATCH])
            cells = torch.zeros((BATCH, *part.shape[1:]))
            cells[: len(part)] = (part.float() / 255 - mean) / deviation
            found: Tensor = self.net(cells)
            out[first : first + BATCH] = unit(found[: len(part)])
        return out

    def to_json(self) -> dict[str, Any]:
        """All but the arrays."""
        return {
            "origin": self.origin.to_json(),
            "family": self.family,
            "sizes": self.sizes.to_json(),
            "look": self.look.to_json(),
            **({"tuned": True} if self.tuned else {}),
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Its weights."""
        return arrays_of(self.net)

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> ImageModel:
        """The inverse of ``to_json`` and ``arrays``. Raises KeyError, TypeError or ValueError."""
        sizes = SIZES[facts["family"]].from_json(facts["sizes"])
        tuned = facts.get("tuned", False) is True
        net, look = restored_net(sizes.build, arrays, tuned), Look.from_json(facts["look"])
        return cls(Origin.from_json(facts["origin"]), facts["family"], sizes, look, net, tuned)


def read_image(path: str) -> ImageModel:
    """The encoder in a folder of timm or Hugging Face. Raises OptionError where it is none."""
    folder = Folder("image_encoder", Path(path))
    family = _family(folder)
    tensors = folder.tensors()
    try:
        look = _look(folder)
        sizes: Sizes
        if family == "vit":
            sizes, own = vit_of(folder.config, tensors, look.side)
        elif family == "convnext":
            sizes, own = convnext_of(folder.config, tensors, look.side)
        else:
            sizes, own = resnet_of(tensors, look.side)
        return ImageModel(folder.origin, family, sizes, look, filled(sizes.build, own))
    except OptionError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, ArithmeticError) as error:
        raise folder.odd(error) from error


def _family(folder: Folder) -> str:
    """Key of SIZES. Raises OptionError where the architecture is none of ours."""
    config = folder.config
    if "pretrained_cfg" in config or "architecture" in config:
        name = str(config.get("architecture"))
        if config.get("model_args"):  # it was built otherwise than its name says
            raise folder.odd(f"model_args: {config['model_args']}")
        for family, known in NAMES.items():
            if known.fullmatch(name.split(".")[0]):
                return family
        raise folder.unknown(name, KNOWN)
    name = str(config.get("model_type"))
    if name not in HUGGING_FACE:
        raise folder.unknown(name, KNOWN)
    gelu, relu = config.get("hidden_act", "gelu"), config.get("hidden_act", "relu")
    plain = relu == "relu" if HUGGING_FACE[name] == "resnet" else gelu == "gelu"
    odd = ("downsample_in_first_stage", "downsample_in_bottleneck", "use_swiglu_ffn")
    if not plain or any(config.get(key) for key in odd):
        raise folder.odd(next((key for key in odd if config.get(key)), "hidden_act"))
    return HUGGING_FACE[name]


def _look(folder: Folder) -> Look:
    """What the folder says of images."""
    config = folder.config
    if "pretrained_cfg" in config or "architecture" in config:
        return look_of_timm(config.get("pretrained_cfg", config))
    told = folder.json("preprocessor_config.json")
    return look_of_huggingface(told, int(config.get("image_size", 224)))
