"""The net for pictures, alone: shapes, gradients, chance, mirrors."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from deeplode.nets.augment import erased, lit, moved, turned
from deeplode.nets.imagebranch import ImageShape

SHAPE = ImageShape(channels=3, height=12, width=10, base=4, blocks=2)


def cells(rows: int = 6, shape: ImageShape = SHAPE, seed: int = 0) -> torch.Tensor:
    drawn = torch.Generator().manual_seed(seed)
    size = (rows, shape.channels, shape.height, shape.width)
    return torch.randint(0, 256, size, dtype=torch.uint8, generator=drawn)


def built(shape: ImageShape = SHAPE, seed: int = 0):
    return shape.build(torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "shape",
    [
        SHAPE,
        ImageShape(1, 28, 28, base=8),
        ImageShape(1, 8, 8, base=8, stages=2),
        ImageShape(3, 64, 33, base=4, stages=4, coarse=True),
        replace(SHAPE, half=True),
        replace(SHAPE, flip=True),
    ],
    ids=str,
)
def test_a_row_of_cells_gives_a_row_of_features(shape):
    net = built(shape)
    for training in (True, False):
        found = net.train(training)(cells(5, shape))
        assert found.shape == (5, shape.features)
        assert found.dtype == torch.float32
        assert torch.isfinite(found).all()
    assert shape.row_bytes > 0


@pytest.mark.parametrize("half", [False, True])
def test_gradients_reach_every_weight(half):
    net = built(replace(SHAPE, half=half)).train()
    for step in range(2):  # at first each block is only the way around it
        net.zero_grad()
        (net(cells()) * torch.arange(SHAPE.features)).sum().backward()
        if not step:
            with torch.no_grad():
                for weight in net.parameters():
                    weight -= 1e-3 * weight.grad
    for name, weight in net.named_parameters():
        assert weight.grad.abs().sum() > 0, name


def test_the_same_seed_gives_the_same_bits_and_none_gives_zeros():
    one, two, other = built(seed=1), built(seed=1), built(seed=2)
    assert torch.equal(one.eval()(cells()), two.eval()(cells()))
    assert not torch.equal(one(cells()), other.eval()(cells()))
    weights = [part.weight for part in SHAPE.build(None).modules() if hasattr(part, "in_channels")]
    assert not any(weight.any() for weight in weights)


@pytest.mark.parametrize("flip", [False, True])
def test_after_training_a_row_does_not_see_its_neighbours(flip):
    net = built(replace(SHAPE, flip=flip))
    net.train()(cells(32, seed=3))  # statistics other than those at the beginning
    rows, others = cells(6), cells(6, seed=9)
    others[2] = rows[2]
    net.eval()
    assert torch.equal(net(rows)[2], net(others)[2])


def test_answers_are_the_same_whatever_training_computes_in():
    torch.manual_seed(0)
    assert torch.equal(built().eval()(cells()), built(replace(SHAPE, half=True)).eval()(cells()))


def test_a_net_of_mirrors_gives_a_picture_and_its_mirror_the_same_features():
    net = built(replace(SHAPE, flip=True)).eval()
    assert torch.allclose(net(cells()), net(cells().flip(3)), atol=1e-6)
    net = built().eval()
    assert not torch.allclose(net(cells()), net(cells().flip(3)), atol=1e-3)


def test_what_changes_pictures_keeps_their_form_and_draws_from_the_one_source_of_chance():
    rows = cells(64)
    before = rows.clone()
    for change in (turned, lit, erased, lambda one: moved(one, True, True)):
        torch.manual_seed(5)
        first = change(rows)
        torch.manual_seed(5)
        again = change(rows)
        assert first.shape == rows.shape
        assert first.dtype == torch.uint8
        assert torch.equal(first, again)
        assert not torch.equal(first, rows)
        assert torch.equal(rows, before)
        assert not torch.equal(change(rows), again)


def test_shifts_repeat_the_edge_and_mirrors_turn_left_to_right():
    ramp = torch.arange(32, dtype=torch.uint8).expand(200, 1, 32, 32)
    torch.manual_seed(0)
    moves = set()
    for picture in moved(ramp, flip=False, shift=True)[:, 0]:
        row = picture[0].int()
        assert (picture == picture[0]).all()
        assert (row.diff() >= 0).all()
        moves.add(int(row[16]) - 16)
    assert moves == set(range(-4, 5))
    mirrored = moved(ramp, flip=True, shift=False)[:, 0, 0]
    falls = (mirrored[:, 0] > mirrored[:, -1]).float().mean()
    assert 0.35 < falls < 0.65
    assert torch.equal(moved(ramp, flip=False, shift=False), ramp)


def test_small_turns_leave_the_middle_where_it_is():
    dot = torch.zeros(50, 1, 33, 33, dtype=torch.uint8)
    dot[:, :, 15:18, 15:18] = 255
    torch.manual_seed(0)
    assert (turned(dot)[:, 0, 16, 16] > 200).all()
    flat = torch.full((9, 2, 9, 13), 77, dtype=torch.uint8)
    assert torch.equal(turned(flat), flat)


def test_erasing_paints_a_rectangle_in_half_of_the_pictures():
    rows = cells(400, ImageShape(1, 20, 20))
    torch.manual_seed(0)
    changed = (erased(rows) != rows)[:, 0]
    share = changed.any(2).any(1).float().mean()
    assert 0.4 < share < 0.6
    assert changed.float().mean((1, 2)).max() < 0.5


def test_only_what_is_asked_for_is_changed():
    torch.manual_seed(0)
    still = built(replace(SHAPE, shift=False))
    assert torch.equal(still.augment(cells()), cells())
    for name in ("flip", "shift", "turn", "erase", "light"):
        net = built(replace(SHAPE, **{"shift": False, name: True}))
        assert not torch.equal(net.augment(cells(64)), cells(64)), name


def test_the_shape_is_plain_json_and_odd_shapes_are_refused():
    state = json.loads(json.dumps(SHAPE.to_json()))
    assert ImageShape.from_json(state) == SHAPE
    odd = [
        {"base": 0}, {"base": 10**6}, {"blocks": 1.5}, {"height": True}, {"width": 10**5},
        {"stages": 99}, {"flip": 1}, {"half": None}, {"channels": "3"},
    ]  # fmt: skip
    for change in odd:
        with pytest.raises(ValueError, match=r"."):
            ImageShape.from_json(state | change)
    with pytest.raises(KeyError):
        ImageShape.from_json({})


@pytest.mark.parametrize(
    ("side", "stages", "coarse"), [(8, 2, False), (28, 4, False), (32, 4, False), (64, 4, True)]
)
def test_the_shape_that_fits_ends_in_about_four_pixels(side, stages, coarse):
    shape = ImageShape.fitting(1, side, side // 2)
    assert (shape.stages, shape.coarse) == (stages, coarse)
    last = built(shape).eval().maps(cells(2, shape)).shape
    assert 3 <= last[2] <= 5


def test_products_are_those_of_the_layers():
    shape = ImageShape(3, 16, 16, base=8, blocks=2, stages=2, coarse=True)
    net, seen = built(shape).eval(), []
    for part in net.modules():
        if hasattr(part, "out_channels"):
            part.register_forward_hook(
                lambda layer, _, out: seen.append(layer.weight.numel() * out[0, 0].numel())
            )
    net(cells(1, shape))
    around = 8 * 16 * 4 * 4  # of 1 x 1, which the estimate leaves out
    assert shape.products == sum(seen) - around
