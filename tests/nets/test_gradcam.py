"""Where a net looked, on a net that learned to look at one place."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from deeplode.nets.gradcam import looked_at
from deeplode.nets.imagebranch import ImageShape


def bright_spots(rows: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noise, half of it with a bright square somewhere: cells, whether, and where."""
    cells = torch.randint(0, 60, (rows, 1, 24, 24), dtype=torch.uint8)
    spots = torch.zeros(rows, 24, 24, dtype=torch.bool)
    place = torch.randint(2, 16, (rows, 2)).tolist()
    for row, (down, right) in enumerate(place):
        spots[row, down : down + 6, right : right + 6] = True
    shown = torch.arange(rows) % 2 == 0
    cells[shown] = torch.where(spots[shown][:, None], 230, cells[shown])
    return cells, shown, spots


def trained(flip: bool) -> tuple[nn.Module, nn.Linear]:
    torch.manual_seed(0)
    shape = ImageShape(1, 24, 24, base=8, stages=2, flip=flip)
    branch, last = shape.build(torch.Generator().manual_seed(0)), nn.Linear(16, 2)
    optimizer = torch.optim.Adam([*branch.parameters(), *last.parameters()], 1e-2)
    for _ in range(25):
        cells, shown, _ = bright_spots(32)
        optimizer.zero_grad()
        cross_entropy(last(branch(cells)), shown.long()).backward()
        optimizer.step()
    return branch, last


def test_what_speaks_for_the_class_is_where_it_is_seen():
    for flip in (False, True):
        branch, last = trained(flip)
        cells, shown, spots = bright_spots(40)
        weights = [weight.clone() for weight in branch.state_dict().values()]
        heat = looked_at(branch, cells, lambda features, last=last: last(features)[:, 1])
        assert heat.shape == (40, 24, 24)
        assert ((heat >= 0) & (heat <= 1)).all()
        inside = (heat[shown] * spots[shown]).sum() / heat[shown].sum()
        assert inside > 3 * spots[shown].float().mean()
        assert branch.training
        after = branch.state_dict().values()
        assert all(torch.equal(*pair) for pair in zip(weights, after, strict=True))


def test_a_row_is_explained_the_same_alone_and_nothing_gives_zeros():
    branch, last = trained(False)
    cells, _, _ = bright_spots(8)
    many = looked_at(branch, cells, lambda features: last(features)[:, 1])
    one = looked_at(branch, cells[3:4], lambda features: last(features)[:, 1])
    assert torch.allclose(one[0], many[3], atol=1e-5)
    assert not looked_at(branch, cells, lambda features: features.sum(1) * 0).any()
