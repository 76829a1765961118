"""Texts through a pretrained encoder: tokens by its own tokenizer, one vector a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deeplode.errors import ExtraError, OptionError
from deeplode.pretrained.bert import Bert, BertSizes
from deeplode.pretrained.folder import TOKENIZER, Folder, Origin
from deeplode.pretrained.names import FAMILIES, named, sizes_of
from deeplode.pretrained.weights import arrays_of, filled, restored_net, unit

LENGTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)  # tokens that a text is made up to
TOKENS = 256  # tokens of all texts that go through it at once, where a text has no more
SIGNS = 32  # of a text, for each token that is read: the rest is not looked at
MODELS = ("WordPiece", "BPE", "Unigram", "WordLevel")  # ways to make tokens

Watch = Callable[[float], None]  # told after each step which share of the work is done


@dataclass(frozen=True, eq=False)
class TextModel:
    """A pretrained encoder of texts.

    tokenizer: its tokenizer.json. longest: tokens of a text that are read. tuned: a net trains its
    weights further and keeps them: read back from a model file, it has none.
    """

    origin: Origin
    sizes: BertSizes
    tokenizer: str
    longest: int
    net: Bert
    tuned: bool = False

    medium = "text"

    def __post_init__(self) -> None:
        if type(self.longest) is not int or not 1 <= self.longest <= self.sizes.longest:
            raise ValueError(f"texts of {self.longest} tokens")
        if self.longest > LENGTHS[-1] or not isinstance(self.tokenizer, str):
            raise ValueError("a tokenizer that is none")

    @property
    def width(self) -> int:
        """Numbers that it makes of a text."""
        return self.sizes.width

    @property
    def step_bytes(self) -> int:
        """Bytes of one step, beside the weights."""
        return max(self.sizes.step_bytes(max(1, TOKENS // one), one) for one in LENGTHS)

    @cached_property
    def _tokens(self) -> Any:
        """The tokenizer, which runs no code of its own. Raises ValueError if it is none."""
        return tokenizer_of(self.tokenizer, self.longest, self.sizes.words)

    def embed(self, texts: Sequence[str | None], watch: Watch) -> NDArray[np.float32]:
        """(texts, width); NaN where there is no text.

        Texts go through it in batches of one size, made up to one length: what a text becomes
        does not depend on its neighbours.
        """
        out = np.full((len(texts), self.width), np.nan, np.float32)
        ids = self.ids(texts)
        by_length: dict[int, list[int]] = {}
        for row, own in enumerate(ids):
            if own:
                length = next(one for one in LENGTHS if len(own) <= one)
                by_length.setdefault(length, []).append(row)
        batches = [
            (length, rows[first : first + max(1, TOKENS // length)])
            for length, rows in sorted(by_length.items(), reverse=True)
            for first in range(0, len(rows), max(1, TOKENS // length))
        ]
        for number, (length, rows) in enumerate(batches, 1):
            out[rows] = self._batch([ids[row] for row in rows], length)
            watch(number / len(batches))
        return out

    def ids(self, texts: Sequence[str | None]) -> list[list[int]]:
        """Numbers of the tokens of each text; none where there is no text."""
        return [self._ids(text) for text in texts]

    def _ids(self, text: str | None) -> list[int]:
        if text is None or not text.strip():
            return []
        found: list[int] = self._tokens.encode(text[: SIGNS * self.longest]).ids
        return found

    @torch.inference_mode()
    def _batch(self, ids: Sequence[Sequence[int]], length: int) -> NDArray[np.float32]:
        cells = torch.zeros((max(1, TOKENS // length), length), dtype=torch.long)
        there = torch.zeros(cells.shape, dtype=torch.bool)
        there[:, 0] = True  # rows that only fill the batch up have a token, too
        for row, own in enumerate(ids):
            cells[row, : len(own)] = torch.tensor(own)
            there[row, : len(own)] = True
        return unit(self.net(cells, there)[: len(ids)])

    def to_json(self) -> dict[str, Any]:
        """All but the arrays."""
        return {
            "origin": self.origin.to_json(),
            "sizes": self.sizes.to_json(),
            "tokenizer": self.tokenizer,
            "longest": self.longest,
            **({"tuned": True} if self.tuned else {}),
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Its weights."""
        return arrays_of(self.net)

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> TextModel:
        """The inverse of ``to_json`` and ``arrays``. Raises KeyError, TypeError or ValueError."""
        sizes = BertSizes.from_json(facts["sizes"])
        tuned = facts.get("tuned", False) is True
        net = restored_net(sizes.build, arrays, tuned)
        return cls(Origin.from_json(facts["origin"]), sizes, facts["tokenizer"], facts["longest"],
                   net, tuned)  # type: ignore[arg-type] # fmt: skip


def read_text(path: str) -> TextModel:
    """The encoder in a folder of Hugging Face. Raises OptionError where it is none."""
    folder = Folder("text_encoder", Path(path))
    family = str(folder.config.get("model_type") or folder.config.get("architecture"))
    if family not in FAMILIES:
        raise folder.unknown(family, ", ".join(sorted(FAMILIES)))
    tokenizer, tensors = folder.text(TOKENIZER), folder.tensors()
    try:
        own = named(tensors)
        sizes = sizes_of(folder.config, own)
        net = filled(sizes.build, own)
        longest = _longest(folder, sizes)
        model = TextModel(folder.origin, sizes, tokenizer, longest, net)  # type: ignore[arg-type]
        _ = model._tokens
    except OptionError:
        raise
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise folder.odd(error) from error
    return model


def _longest(folder: Folder, sizes: BertSizes) -> int:
    """Tokens of a text that are read: what the folder's files agree on, 512 at most."""
    told = (
        folder.json("sentence_bert_config.json").get("max_seq_length"),
        folder.json("tokenizer_config.json").get("model_max_length"),
    )
    known = [own for own in told if isinstance(own, int) and own > 0]
    return min([LENGTHS[-1], sizes.longest, *known])


def tokenizer_of(text: str, longest: int, words: int) -> Any:
    """A tokenizer from its JSON. words: numbers of tokens that there are.

    Raises ValueError where it is none, ExtraError where tokenizers is not installed.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ExtraError("E-OPT-155", package="tokenizers", extra="text") from error
    try:
        made = Tokenizer.from_str(text)
        made.no_padding()
        made.enable_truncation(longest)
    except BaseException as error:  # what its own language raises is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        raise ValueError(f"{TOKENIZER}: {error}") from error
    if type(made.model).__name__ not in MODELS:
        raise ValueError(f"{TOKENIZER}: {type(made.model).__name__}")
    if max(made.get_vocab().values(), default=0) >= words:
        raise ValueError(f"{TOKENIZER} has more tokens than the {words} of the weights")
    return made
