"""Folder: a pretrained encoder as it is published, read without running any of its code."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from deeplode.errors import OptionError

CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack")  # weights that are not read
CODE = ("auto_map", "custom_pipelines", "trust_remote_code")  # keys that ask for code
MOST_TEXT = 100  # signs of a name or a licence
_FIELD = re.compile(r"^(license|license_name)\s*:\s*['\"]?([^'\"#\n]+)", re.MULTILINE)
_SNAPSHOT = "snapshots"  # as the cache of Hugging Face lays models: models--OWNER--NAME/snapshots/…


@dataclass(frozen=True)
class Origin:
    """Whose weights these are.

    licence: as it was found; '' where none was. told: the file that said so.
    """

    name: str
    licence: str = ""
    told: str = ""

    def to_json(self) -> dict[str, str]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Origin:
        """The inverse of ``to_json``. Raises KeyError or TypeError if odd."""
        found = cls(**facts)
        if not all(isinstance(own, str) for own in (found.name, found.licence, found.told)):
            raise TypeError("an origin is told in texts")
        return found


@dataclass(frozen=True)
class Folder:
    """A folder that ``option`` names. Everything read from it may raise OptionError."""

    option: str
    path: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """Its config.json. Raises OptionError where that wants code to be run."""
        if not self.path.is_dir() or not (self.path / CONFIG).is_file():
            raise self.lacks(CONFIG)
        found = self.json(CONFIG)
        wanted = [key for key in CODE if key in found]
        if wanted:
            raise OptionError("E-OPT-152", option=self.option, path=str(self.path), key=wanted[0])
        return found

    def json(self, name: str) -> dict[str, Any]:
        """The object in one of its files; {} where there is no such file."""
        file = self.path / name
        if not file.is_file():
            return {}
        try:
            found = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise self.odd(f"{name}: {error}") from error
        if not isinstance(found, dict):
            raise self.odd(f"{name}: no object")
        return found

    def text(self, name: str) -> str:
        """What one of its files says. Raises OptionError where there is none."""
        if not (self.path / name).is_file():
            raise self.lacks(name)
        try:
            return (self.path / name).read_text("utf-8")
        except (OSError, ValueError) as error:
            raise self.odd(f"{name}: {error}") from error

    def tensors(self) -> dict[str, Tensor]:
        """Its weights as float32, whatever they were; whole numbers as they are."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        file = self.path / WEIGHTS
        if not file.is_file():
            others = sorted(one.name for end in PICKLES for one in self.path.glob(end))
            if others:
                told = {"path": str(self.path), "found": others[0]}
                raise OptionError("E-OPT-151", option=self.option, **told)
            raise self.lacks(WEIGHTS)
        try:
            found = load_file(file)
        except (OSError, ValueError, SafetensorError) as error:
            raise self.odd(f"{WEIGHTS}: {error}") from error
        return {
            name: one.float().contiguous() if one.is_floating_point() else one
            for name, one in found.items()
        }

    def lacks(self, missing: str) -> OptionError:
        """That one of its files is not there."""
        return OptionError("E-OPT-150", option=self.option, path=str(self.path), missing=missing)

    def odd(self, why: object) -> OptionError:
        """That its parts do not fit together, or cannot be read."""
        said = f"{type(why).__name__}: {why}" if isinstance(why, Exception) else str(why)
        return OptionError("E-OPT-154", option=self.option, path=str(self.path), why=said[:300])

    def unknown(self, architecture: str, known: str) -> OptionError:
        """That its architecture is none of ours."""
        told = {"path": str(self.path), "architecture": architecture[:80], "known": known}
        return OptionError("E-OPT-153", option=self.option, **told)

    @cached_property
    def origin(self) -> Origin:
        """Its name and licence: by the head of README.md, by LICENSE, by what timm says."""
        readme, name = self.path / "README.md", _name(self.path)
        if readme.is_file():
            text = readme.read_text("utf-8", errors="replace")
            head = text.split("---", 2)[1] if text.startswith("---") else ""
            told = {key: value.strip() for key, value in _FIELD.findall(head)}
            if "license" in told:
                both = " ".join(dict.fromkeys(told[key] for key in sorted(told)))
                return Origin(name, both[:MOST_TEXT], "README.md")
        for file in sorted(self.path.glob("LICEN[CS]E*")):
            lines = file.read_text("utf-8", errors="replace").splitlines()
            first = next((line.strip() for line in lines if line.strip()), "")
            return Origin(name, first[:MOST_TEXT], file.name)
        own = self.config.get("pretrained_cfg")
        licence = own.get("license") if isinstance(own, dict) else None
        if isinstance(licence, str) and licence:
            return Origin(name, licence[:MOST_TEXT], CONFIG)
        return Origin(name)


def _name(path: Path) -> str:
    """What such an encoder is called: the folder's name; in a cache, that of the model."""
    path = path.absolute()
    if path.parent.name == _SNAPSHOT:
        return path.parent.parent.name.removeprefix("models--").replace("--", "/")[:MOST_TEXT]
    return path.name[:MOST_TEXT]
