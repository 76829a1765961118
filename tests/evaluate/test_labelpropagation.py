"""Answers from the labels of linked rows alone."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
import torch

from deeplode.data.edges import Edges
from deeplode.data.graph import linked
from deeplode.data.split import Fold
from deeplode.data.table import Table
from deeplode.encode.batch import Batch
from deeplode.encode.linked import Linked
from deeplode.evaluate.blend import Blend
from deeplode.evaluate.labelpropagation import LabelPropagation, fit_propagation
from deeplode.evaluate.problem import Problem
from deeplode.progress import silent
from deeplode.runtime import Budget

CHAINS = 10  # nodes of each of two chains; two more nodes have no link


def batch(rows: np.ndarray) -> Batch:
    """Rows of two chains."""
    one = np.concatenate([np.arange(CHAINS - 1), np.arange(CHAINS, 2 * CHAINS - 1)])
    edges = Edges(2 * CHAINS + 2, one, one + 1, np.ones(len(one)))
    table = linked(Table.of(pl.DataFrame({"x": np.zeros(edges.nodes)})), edges)
    assert table.graph is not None
    nothing = torch.empty(edges.nodes, 0)
    nodes = Batch(nothing, nothing.int())
    places = torch.from_numpy(rows)
    return Batch(nothing[places], nothing[places].int(), (), Linked(places, nodes, table.graph))


def fitted(rows: np.ndarray, target: np.ndarray, problem: Problem) -> LabelPropagation:
    parts = [np.flatnonzero(np.arange(len(rows)) % 2 == one) for one in (0, 1)]
    folds = [Fold(parts[0], parts[1]), Fold(parts[1], parts[0])]
    model, oof = fit_propagation(batch(rows), target, problem, folds, None, Budget(), silent)
    assert np.isfinite(oof).all()
    if problem.classifies:
        assert (oof[model.silent(oof)] == model.prior).all()
    return model


SOME = np.array([0, 1, 4, 5, 10, 11, 14, 15])
ALL = np.arange(2 * CHAINS + 2)


def test_each_part_of_a_graph_answers_with_its_own_labels_and_lone_nodes_trivially():
    label = (SOME >= CHAINS).astype(np.int64)
    model = fitted(SOME, label, Problem("binary", 2))
    found = model.predict(batch(ALL))
    np.testing.assert_allclose(found.sum(1), 1)
    assert (found[:CHAINS, 0] > 0.9).all()
    assert (found[CHAINS : 2 * CHAINS, 1] > 0.9).all()
    np.testing.assert_allclose(found[2 * CHAINS :], 0.5)
    assert model.silent(found).tolist() == [False] * 2 * CHAINS + [True] * 2


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_in_a_blend_the_net_answers_where_no_link_tells_anything(weight):
    model = fitted(SOME, (SOME >= CHAINS).astype(np.int64), Problem("binary", 2))
    heard, net = model.predict(batch(ALL)), np.tile([0.9, 0.1], (len(ALL), 1))
    mixed = Blend(model, model, weight).mix(net, heard)
    assert (mixed[2 * CHAINS :] == net[2 * CHAINS :]).all()
    wanted = weight * net + (1 - weight) * heard
    assert (mixed[: 2 * CHAINS] == wanted[: 2 * CHAINS]).all()


def test_values_are_those_of_near_rows():
    value = np.where(SOME >= CHAINS, 100.0, -7.0)
    model = fitted(SOME, value, Problem("regression", 1))
    found = model.predict(batch(ALL))
    np.testing.assert_allclose(found[:CHAINS], -7, atol=2)
    np.testing.assert_allclose(found[CHAINS : 2 * CHAINS], 100, atol=2)
    np.testing.assert_allclose(found[2 * CHAINS :], value.mean())


def test_rows_without_links_get_the_trivial_answer():
    label = (SOME >= CHAINS).astype(np.int64)
    model = fitted(SOME, label, Problem("binary", 2))
    nothing = torch.empty(3, 0)
    np.testing.assert_allclose(model.predict(Batch(nothing, nothing.int())), 0.5)


def test_facts_and_arrays_bring_it_back():
    label = (SOME >= CHAINS).astype(np.int64)
    model = fitted(SOME, label, Problem("binary", 2))
    facts = json.loads(json.dumps(model.facts()))
    again = LabelPropagation.restore(facts, model.arrays())
    np.testing.assert_array_equal(again.predict(batch(ALL)), model.predict(batch(ALL)))
    with pytest.raises(ValueError, match="propagated"):
        LabelPropagation.restore({**facts, "restart": 0.0}, model.arrays())
