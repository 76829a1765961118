"""Encoders that the net trains further: they begin as published, and no neighbour matters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from deeplode.data.schema import Roles, infer
from deeplode.data.table import Table
from deeplode.encode.embedding import EmbeddingEncoder
from deeplode.encode.tuned import PixelsEncoder, TokensEncoder, tuned_of
from deeplode.errors import LimitError
from deeplode.nets.tunedbranch import TunedBranch, TunedShape
from deeplode.pretrained.image import read_image
from deeplode.pretrained.read import Pretrained
from deeplode.pretrained.text import read_text
from deeplode.runtime import Budget
from deeplode.tasks.encoding import encoded

TEXTS = pl.Series("review", ["awful", "Great, lovely order 12", None, "slow", " ", "never " * 40])


def pictures() -> pl.Series:
    """Files of noise, and a cell that is empty."""
    import io

    from PIL import Image

    files: list[bytes | None] = []
    for seed in range(7):
        noise = np.random.default_rng(seed).integers(0, 256, (50, 70, 3), np.uint8)
        file = io.BytesIO()
        Image.fromarray(noise).save(file, "PNG")
        files.append(file.getvalue())
    return pl.Series("photo", [*files, None], dtype=pl.Binary)


def branch_of(series: pl.Series, model: Pretrained) -> tuple[TunedBranch, torch.Tensor]:
    """The branch before any step, for answering, and the column's cells."""
    encoder = tuned_of(series, model)
    cells = encoder.encode(series).media
    assert cells is not None
    tokens = encoder.length if isinstance(encoder, TokensEncoder) else 0
    branch = TunedShape.of(model, tokens).build(torch.Generator())
    branch.train(False)
    return branch, cells


def untouched(series: pl.Series, model: Pretrained) -> np.ndarray:
    """What the encoder makes of a column as it was published; 0 where a cell is missing."""
    return np.nan_to_num(np.stack(EmbeddingEncoder("", model).encode(series).numbers, 1))


def test_before_the_first_step_texts_become_what_the_published_encoder_makes(bert: Path) -> None:
    model = read_text(str(bert))
    branch, cells = branch_of(TEXTS, model)
    with torch.no_grad():
        np.testing.assert_allclose(branch(cells), untouched(TEXTS, model), atol=1e-5)


def test_before_the_first_step_images_become_what_the_published_encoder_makes(
    images: Path,
) -> None:
    model = read_image(str(images))
    branch, cells = branch_of(pictures(), model)
    with torch.no_grad():
        np.testing.assert_allclose(branch(cells), untouched(pictures(), model), atol=1e-5)


def test_a_cell_becomes_the_same_bits_alone_and_among_others(bert: Path, images: Path) -> None:
    for series, model in ((TEXTS, read_text(str(bert))), (pictures(), read_image(str(images)))):
        branch, cells = branch_of(series, model)
        order = torch.tensor([3, 1, 5, 0, 4, 2])
        with torch.no_grad():
            whole = branch(cells)
            assert torch.equal(branch(cells[order]), whole[order])
            assert all(torch.equal(branch(cells[at : at + 1])[0], whole[at]) for at in range(6))


def test_a_step_changes_the_weights_but_neither_the_published_ones_nor_statistics_of_batches(
    images: Path,
) -> None:
    model = read_image(str(images))
    branch, cells = branch_of(pictures(), model)
    before = {name: one.clone() for name, one in branch.state_dict().items()}
    branch.train(True)
    branch(cells)[:, 0].sum().backward()
    with torch.no_grad():
        for one in branch.parameters():
            one -= 0.1 * one.grad
    changed = {
        name for name, one in branch.state_dict().items() if not torch.equal(one, before[name])
    }
    assert changed
    assert not [name for name in changed if "running" in name or "tracked" in name]
    published = {f"net.{name}": one for name, one in model.net.state_dict().items()}
    assert all(torch.equal(one, before[name]) for name, one in published.items())


def test_where_there_is_no_time_for_it_fine_tuning_is_refused_before_it_begins(bert: Path) -> None:
    texts = [f"great order {at}, never again" for at in range(40)]
    table = Table.of(pl.DataFrame({"review": texts, "good": [True, False] * 20}))
    schema = infer(table, Roles("good"))
    models = {"text": replace(read_text(str(bert)), tuned=True)}
    with pytest.raises(LimitError) as raised:
        encoded(table, schema, models, 1.0, Budget.begin(0.0), None)
    assert raised.value.code == "E-OPT-221"
    assert "tiny-bert" in str(raised.value)
    again = encoded(table, schema, models, 1.0, Budget.begin(0.0), {"pretrained": ["text"]})
    assert list(again.encoder.models) == ["text"]  # an earlier run had time for it


def test_facts_of_a_branch_make_it_again_and_odd_ones_are_refused(bert: Path, images: Path) -> None:
    for series, model in ((TEXTS, read_text(str(bert))), (pictures(), read_image(str(images)))):
        encoder = tuned_of(series, model)
        tokens = encoder.length if isinstance(encoder, TokensEncoder) else 0
        facts = TunedShape.of(model, tokens).to_json()
        assert TunedShape.from_json(facts).to_json() == facts
        for odd in ({"tokens": 17}, {"mean": [0.5]}, {"family": "pickle"}, {"deviation": [0] * 3}):
            with pytest.raises((KeyError, TypeError, ValueError)):
                TunedShape.from_json({**facts, **odd})
    assert isinstance(encoder, PixelsEncoder)


def test_sizes_of_more_weights_than_a_model_file_holds_are_refused_before_any_is_made(
    bert: Path,
) -> None:
    facts = TunedShape.of(read_text(str(bert)), 16).to_json()
    huge = {**facts["sizes"], "words": 2_000_000, "embedding": 8_192}
    with pytest.raises(ValueError, match="more weights"):
        TunedShape.from_json({**facts, "sizes": huge})
