"""The branch over series: shapes, gradients, neighbours, hostile numbers."""

from __future__ import annotations

import pytest
import torch

from deeplode.nets.seriesbranch import MOST, SeriesBranch, SeriesShape


def branch(shape: SeriesShape, seed: int = 0) -> SeriesBranch:
    return shape.build(torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("channels", "length"), [(1, 1), (3, 2), (17, 30), (2, 251), (1, 1_024)])
def test_any_size_gives_the_features_it_says_and_no_row_sees_its_neighbours(
    channels: int, length: int
) -> None:
    shape = SeriesShape.fitting(channels, length)
    net = branch(shape).eval()
    cells = torch.randn(5, channels, length, generator=torch.Generator().manual_seed(1))
    found = net(cells)
    assert found.shape == (5, shape.features)
    torch.testing.assert_close(net(cells[3:4]), found[3:4])
    assert shape.row_bytes > 0


def test_gradients_reach_every_weight() -> None:
    net = branch(SeriesShape.fitting(4, 24))
    net(net.augment(torch.randn(16, 4, 24))).square().sum().backward()
    for name, weight in net.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


def test_a_shape_survives_its_json_and_sizes_beyond_the_limits_are_refused() -> None:
    shape = SeriesShape.fitting(3, 100)
    assert SeriesShape.from_json(shape.to_json()) == shape
    for name, most in MOST.items():
        for wrong in (0, most + 1, 1.0, True):
            with pytest.raises(ValueError, match=name):
                SeriesShape.from_json({**shape.to_json(), name: wrong})
