"""Sparse vectors in the form that texts have."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from deeplode.data.schema import Roles, infer
from deeplode.data.sparsecells import packed
from deeplode.data.table import Table
from deeplode.encode.bag import unpack
from deeplode.encode.encoder import Encoder
from deeplode.encode.sparse import SparseEncoder
from deeplode.evaluate.linear import fit_linear
from deeplode.evaluate.problem import Problem
from deeplode.progress import silent
from deeplode.runtime import Budget

RNG = np.random.default_rng(0)


def column(dense: np.ndarray) -> pl.Series:
    rows, places = np.nonzero(dense)
    begins = np.concatenate([[0], np.cumsum((dense != 0).sum(1))])
    return packed(begins, places, dense[rows, places].astype(np.float32), "f")


def table(dense: np.ndarray) -> Table:
    return Table.of(pl.DataFrame([column(dense)]))


def fitted(dense: np.ndarray) -> Encoder:
    made = table(dense)
    return Encoder.fit(made, infer(made, Roles()))


WORDS = (RNG.random((60, 20)) < 0.3).astype(float)


def vectors(encoder: Encoder, made: Table) -> np.ndarray:
    cells = encoder.transform(made).batch.media[0].cells
    ids, weights = unpack(cells)
    found = np.zeros((len(made), encoder.media[0].features + 1))
    np.put_along_axis(found, ids.numpy().astype(np.int64), weights.numpy(), 1)
    return found[:, 1:]


def test_bags_of_words_get_length_1_and_rare_words_weigh_more():
    words = WORDS.copy()
    words[:, 0], words[1:, 1] = 1, 0
    words[0, 1] = 1
    found = vectors(fitted(words), table(words))
    np.testing.assert_allclose((found**2).sum(1), 1, atol=2e-3)
    np.testing.assert_array_equal(found > 0, words > 0)
    assert found[0, 1] > 2 * found[0, 0]


def test_values_keep_their_shares_and_their_signs():
    dense = np.array([[3.0, -4.0, 0], [0, 1, 0], [0, 0, 2]])
    found = vectors(fitted(dense), table(dense))
    np.testing.assert_allclose(found[0], [0.6, 0, 0, 0, 0.8, 0], atol=1e-3)
    np.testing.assert_allclose(found[2], [0, 0, 1, 0, 0, 0], atol=1e-3)


def test_a_row_alone_and_among_others_comes_out_the_same_to_the_last_bit():
    encoder = fitted(WORDS)
    cells = encoder.transform(table(WORDS)).batch.media[0].cells
    for row in (0, 7, 59):
        alone = encoder.transform(table(WORDS[row : row + 1])).batch.media[0].cells
        assert torch.equal(alone[0], cells[row])


def test_empty_rows_and_places_never_met_have_an_answer_and_a_flag():
    encoder = fitted(WORDS)
    odd = np.zeros((3, 25))
    odd[1, 24] = odd[2, 3] = 1
    encoded = encoder.transform(table(odd))
    assert encoded.flags == ["filled_in", "unseen_category filled_in", ""]
    gone = Table.of(pl.DataFrame({"f": [None, b"something else"]}, schema={"f": pl.Binary}))
    assert encoder.transform(gone).flags == ["filled_in", "filled_in"]


def test_the_linear_model_reads_them():
    label = (WORDS[:, 2] > 0).astype(np.int64)
    batch = fitted(WORDS).transform(table(WORDS)).batch
    from deeplode.data.split import folds

    cuts = folds(60, "random", label, 2)
    linear, _ = fit_linear(batch, label, Problem("binary", 2), cuts, None, Budget(), silent)
    assert (linear.predict(batch)[:, 1].round() == label).all()


def test_the_state_comes_back_from_json_and_odd_ones_are_refused():
    part = fitted(WORDS).parts[0]
    assert isinstance(part, SparseEncoder)
    facts = part.to_json()
    again = SparseEncoder.from_json(facts)
    np.testing.assert_array_equal(again.rows_with, part.rows_with)
    for name, value in (
        ("length", 0), ("length", "5"), ("rows_with", "!"), ("rows_with", ""), ("rare", 1),
        ("name", None),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError)):
            SparseEncoder.from_json({**facts, name: value})
