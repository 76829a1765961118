"""What communities talk about."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy import sparse

from deeplode.data.features import beside
from deeplode.data.schema import Roles, infer
from deeplode.data.table import Table
from deeplode.encode.encoder import Encoder
from deeplode.tasks.topics import PlaceNames, topics

LABEL = np.repeat([0, 1], 60)


def test_a_community_has_the_words_that_it_uses_more_with_their_interval() -> None:
    rng = np.random.default_rng(0)
    common = ["the links of nodes", "a network of papers", "some words about it"]
    own = ["music and concerts", "votes and parties"]
    texts = [f"{common[rng.integers(3)]} {own[group]} {rng.integers(1000)}" for group in LABEL]
    table = Table.of(pl.DataFrame({"about": texts}))
    encoder = Encoder.fit(table, infer(table, Roles(), {"about": "text"}))
    found = topics(encoder, encoder.transform(table).batch, LABEL)
    assert {"music", "concerts"} <= {one["text"] for one in found[0]}
    assert {"votes", "parties"} <= {one["text"] for one in found[1]}
    assert all(0 < one["low"] < one["weight"] < one["high"] for part in found for one in part)
    assert {one["column"] for one in found[0]} == {"about"}


def test_places_of_sparse_vectors_are_told_by_their_number(tmp_path) -> None:
    rng = np.random.default_rng(0)
    cells = rng.random((120, 20)) < 0.2
    cells[:, 3] = LABEL == 1
    sparse.save_npz(tmp_path / "cells.npz", sparse.csr_matrix(cells.astype(np.float32)))
    table = beside(Table.of(pl.DataFrame({"x": LABEL})), str(tmp_path / "cells.npz"), 1)
    encoder = Encoder.fit(table, infer(table, Roles()))
    found = topics(encoder, encoder.transform(table).batch, LABEL)
    assert [one["text"] for one in found[1]] == ["features 3"]
    assert found[1][0]["rows"] == 60


def test_entries_below_zero_are_places_of_their_own() -> None:
    names = PlaceNames("f", 5, signed=True)
    assert [names.spelling(at) for at in (1, 5, 6, 10)] == ["f 0", "f 4", "f −0", "f −4"]
    assert names.first_piece == 11
