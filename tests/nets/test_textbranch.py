"""The branch of texts: shapes, gradients, and rows that do not see their neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from deeplode.encode.bag import MOST_ID, pack
from deeplode.nets.textbranch import BEGIN, TextShape

SHAPE = TextShape(vocabulary=50, width=6, length=9)


def some_cells(rows: int = 20) -> Tensor:
    """Texts of 0 to 9 features."""
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 51, (rows, 9))
    cells = pack(ids, rng.uniform(0.01, 1, (rows, 9)))
    cells[np.arange(9) >= rng.integers(0, 10, rows)[:, None]] = 0
    cells[0] = 0
    return torch.from_numpy(cells)


def test_a_text_is_the_weighted_sum_of_its_features_vectors() -> None:
    branch = SHAPE.build(torch.Generator().manual_seed(1))
    cells = torch.from_numpy(pack(np.array([[3, 7]]), np.array([[1.0, 0.25]])))
    roots = torch.tensor([1.0, round(0.5 * 2047) / 2047])
    expected = (branch.vectors[[3, 7]] * (roots * roots)[:, None]).sum(0)
    torch.testing.assert_close(branch(cells)[0], expected)
    assert branch(cells).shape == (1, SHAPE.features)


def test_a_text_without_features_is_zeros_and_no_rows_give_no_rows() -> None:
    branch = SHAPE.build(torch.Generator().manual_seed(1))
    assert (branch(some_cells())[0] == 0).all()
    assert branch(torch.zeros(0, 9, dtype=torch.int32)).shape == (0, 6)
    assert branch(torch.zeros(3, 9, dtype=torch.int32)).tolist() == [[0.0] * 6] * 3


def test_rows_do_not_see_their_neighbours() -> None:
    branch, cells = SHAPE.build(torch.Generator().manual_seed(1)).eval(), some_cells()
    together = branch(cells)
    for row in range(len(cells)):
        assert torch.equal(branch(cells[row : row + 1])[0], together[row])


def test_gradients_reach_the_features_that_are_there_and_no_others() -> None:
    branch, cells = SHAPE.build(torch.Generator().manual_seed(1)), some_cells()
    branch.vectors.grad = torch.zeros_like(branch.vectors)  # as training has it
    branch(cells).sum().backward()
    reached = branch.vectors.grad.abs().sum(1) > 0
    there = torch.zeros(51, dtype=torch.bool)
    there[(cells & MOST_ID)[cells > 0].long()] = True
    assert torch.equal(reached, there)


def test_the_same_seed_draws_the_same_bits_and_none_draws_zeros() -> None:
    one, two = (SHAPE.build(torch.Generator().manual_seed(3)).vectors for _ in range(2))
    assert torch.equal(one, two)
    assert one.std().item() == pytest.approx(BEGIN, rel=0.2)
    assert (SHAPE.build(None).vectors == 0).all()


def test_training_leaves_the_cells_as_they_are() -> None:
    cells = some_cells()
    assert torch.equal(SHAPE.build(None).augment(cells), cells)


def test_a_shape_goes_through_json() -> None:
    assert TextShape.from_json(SHAPE.to_json()) == SHAPE
    assert SHAPE.row_bytes > 9 * 4


@pytest.mark.parametrize(
    "odd",
    [
        {"width": 0},
        {"vocabulary": -1},
        {"vocabulary": MOST_ID + 1},
        {"length": 0},
        {"length": 10**6},
        {"width": 2.0},
        {"width": True},
        {"width": "6"},
        {"vocabulary": MOST_ID, "width": 1_024},
    ],
)
def test_an_odd_shape_is_refused(odd: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="text branch"):
        TextShape.from_json(SHAPE.to_json() | odd)
    with pytest.raises(KeyError):
        TextShape.from_json({"width": 6})


def test_a_feature_beyond_the_vocabulary_is_refused() -> None:
    cells = torch.from_numpy(pack(np.array([[51]]), np.array([[1.0]])))
    with pytest.raises((IndexError, RuntimeError)):
        SHAPE.build(None)(cells)
