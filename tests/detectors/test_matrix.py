"""Matrix: what rows are compared by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from deeplode.detectors.matrix import FAR, UNHEARD, Matrix, fit_matrix
from deeplode.encode.batch import Batch

NAN = float("nan")


def batch(numbers: Any, slots: Any = None) -> Batch:
    cells = torch.tensor(numbers, dtype=torch.float32)
    levels = torch.empty(len(cells), 0) if slots is None else torch.tensor(slots)
    return Batch(cells, levels.to(torch.int32))


def many(count: int = 200) -> Batch:
    chance = np.random.default_rng(0)
    numbers = chance.normal(3, 2, (count, 2))
    numbers[::7, 1] = np.nan
    return batch(numbers.tolist(), chance.choice([2, 2, 2, 3], (count, 1)).tolist())


def test_numbers_have_unit_spread_and_every_column_knows_its_source() -> None:
    matrix = fit_matrix(many())
    x = matrix.of(many())
    assert x.isfinite().all()
    assert x[:, 0].std() == pytest.approx(1, abs=0.01)
    assert [(s.form, s.column, s.what) for s in matrix.sources] == [
        ("number", 0, "value"),
        ("number", 1, "value"),
        ("number", 1, "missing"),
        ("category", 0, "level"),
        ("category", 0, "level"),
        ("category", 0, "other"),
    ]


def test_a_missing_cell_is_the_mean_with_a_flag_or_unheard_of() -> None:
    matrix = fit_matrix(many())
    x = matrix.of(batch([[NAN, NAN]], [[2]]))
    assert x[0, 0] == UNHEARD
    assert x[0, 1] == 0
    assert x[0, 2] > 0


def test_a_flag_that_the_batch_has_already_is_not_made_twice() -> None:
    one = batch([[1.0, 0.0], [NAN, 1.0], [2.0, 0.0], [3.0, 0.0]])
    assert [s.what for s in fit_matrix(one).sources] == ["value", "value"]


def test_wild_cells_stay_in_order_and_leave_the_others_their_spread() -> None:
    values = np.random.default_rng(0).normal(size=(1000, 1))
    values[0], values[1] = 1e6, 2e6
    x = fit_matrix(batch(values.tolist())).of(batch(values.tolist()))
    assert x.isfinite().all()
    assert FAR < x[0, 0] < x[1, 0] < 200


def test_rare_levels_lie_further_out_than_frequent_ones_and_unseen_ones_furthest() -> None:
    slots = [[2]] * 150 + [[3]] * 49 + [[4]]
    zeros = [[0.0]] * 200
    matrix = fit_matrix(batch(zeros, slots))
    x = matrix.of(batch([[0.0]] * 4, [[2], [3], [4], [0]]))
    frequent, less, rare, unseen = x.norm(dim=1).tolist()
    assert frequent < less < rare
    assert unseen > rare


@pytest.mark.parametrize("numbers", [[[1.0, 1.0]], [[1.0, NAN]] * 3, [[0.0, 5.0], [0.0, 5.0]]])
def test_poor_columns_give_finite_cells(numbers: Any) -> None:
    matrix = fit_matrix(batch(numbers))
    assert matrix.of(batch(numbers)).isfinite().all()
    assert matrix.of(batch([[9.0, NAN]])).isfinite().all()


def test_what_is_restored_gives_the_same_cells() -> None:
    matrix = fit_matrix(many())
    again = Matrix.restore(matrix.facts(), matrix.arrays())
    assert torch.equal(again.of(many()), matrix.of(many()))


def test_what_describes_no_matrix_is_refused() -> None:
    matrix = fit_matrix(many())
    facts, arrays = matrix.facts(), matrix.arrays()
    wrong = [
        (facts, {**arrays, "width": -arrays["width"]}),
        (facts, {**arrays, "center": arrays["center"][:-1]}),
        (facts, {**arrays, "columns": arrays["columns"] + 9}),
        ({**facts, "numbers": 0}, arrays),
        ({"numbers": 2}, arrays),
    ]
    for one, other in wrong:
        with pytest.raises((ValueError, KeyError, TypeError)):
            Matrix.restore(one, other)
    with pytest.raises(ValueError, match="columns"):
        matrix.of(batch([[1.0]]))
