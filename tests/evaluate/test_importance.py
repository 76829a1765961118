"""Importance finds the columns that matter, and says how sure it is."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from deeplode.encode.batch import Batch, Places
from deeplode.evaluate import importance as module
from deeplode.evaluate.importance import importance
from deeplode.evaluate.problem import Problem
from deeplode.runtime import Budget

COLUMNS = {
    "idle": Places(categories=[1]),
    "strong": Places(numbers=[0, 1]),
    "weak": Places(categories=[0]),
    "noise": Places(numbers=[2]),
}


def linear(batch):
    """Says what make_batch's score is made of."""
    numbers = batch.numbers.double().numpy()
    levels = np.array([0, 0, -1, 1, 2, 0])[batch.categories[:, 0].numpy()]
    return 2 * numbers[:, 0] - numbers[:, 1] + 0.3 * levels


def logistic(batch):
    one = 1 / (1 + np.exp(-linear(batch)))
    return np.stack([1 - one, one], 1)


def test_columns_come_in_the_order_of_what_they_are_worth(make_batch):
    batch, score, _ = make_batch(1500)
    found = importance(linear, batch, score, Problem("regression"), COLUMNS, None, Budget())
    assert [one["column"] for one in found][:2] == ["strong", "weak"]
    values = {one["column"]: one for one in found}
    assert values["strong"]["low"] > values["weak"]["high"] > 0
    assert values["idle"]["value"] == values["noise"]["value"] == 0
    assert all(one["low"] <= one["value"] <= one["high"] for one in found)
    json.dumps(found)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_importance_of_classes_is_above_zero_where_a_column_matters(make_batch, n_classes):
    batch, score, _ = make_batch(1500)
    truth = (score > 0).astype(int)
    problem = Problem("binary" if n_classes == 2 else "multiclass", n_classes)

    def predict(rows):
        return np.pad(logistic(rows), ((0, 0), (0, n_classes - 2)))

    found = importance(predict, batch, truth, problem, COLUMNS, None, Budget())
    assert found[0]["column"] == "strong"
    assert found[0]["low"] > 0


def test_the_rows_themselves_stay_as_they_are(make_batch):
    batch, score, _ = make_batch(50)
    before = batch.numbers.clone(), batch.categories.clone()
    importance(linear, batch, score, Problem("regression"), COLUMNS, None, Budget())
    assert torch.equal(batch.numbers.nan_to_num(), before[0].nan_to_num())
    assert torch.equal(batch.categories, before[1])


def test_many_columns_are_measured_on_fewer_rows_and_the_first_ones_only(monkeypatch):
    monkeypatch.setattr(module, "COLUMNS", 7)
    monkeypatch.setattr(module, "PREDICTIONS", 7 * 5 * 400)
    rng = np.random.default_rng(0)
    batch = Batch(
        torch.from_numpy(rng.normal(size=(900, 30)).astype(np.float32)),
        torch.zeros(900, 0, dtype=torch.int32),
    )
    sizes = []

    def predict(rows):
        sizes.append(len(rows))
        return rows.numbers[:, 0].double().numpy()

    columns = {f"c{at}": Places([at]) for at in range(30)}
    truth = batch.numbers[:, 0].double().numpy()
    found = importance(predict, batch, truth, Problem("regression"), columns, None, Budget())
    assert {one["column"] for one in found} == {f"c{at}" for at in range(7)}
    assert sizes == [400] + [2000] * 7


def test_no_time_left_gives_what_was_measured(make_batch):
    batch, score, _ = make_batch(50)
    budget = Budget(deadline=0.0)
    assert importance(linear, batch, score, Problem("regression"), COLUMNS, None, budget) == []


def test_the_same_seed_gives_the_same_answer(make_batch):
    batch, score, _ = make_batch(300)
    given = linear, batch, score, Problem("regression", seed=3), COLUMNS, None, Budget()
    assert importance(*given) == importance(*given)
