"""The branch over sounds: shapes, gradients, neighbours, augmentation, hostile numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from deeplode.nets.audiobranch import HISS, NOISE, AudioBranch, AudioShape, _noisy

SHAPE = AudioShape(64, 88)


def branch(seed: int = 0, shape: AudioShape = SHAPE) -> AudioBranch:
    return shape.build(torch.Generator().manual_seed(seed))


def pictures(rows: int, shape: AudioShape = SHAPE) -> Tensor:
    """(rows, bands, frames) uint8 with silence on both sides."""
    found = torch.randint(
        1, 256, (rows, shape.bands, shape.frames), generator=torch.Generator().manual_seed(1)
    )
    found[:, :, : shape.frames // 4] = 0
    found[:, :, -(shape.frames // 4) :] = 0
    return found.to(torch.uint8)


@pytest.mark.parametrize(("bands", "frames"), [(8, 8), (40, 17), (64, 88), (64, 400), (33, 1)])
def test_any_size_gives_the_features_it_says(bands: int, frames: int) -> None:
    shape = AudioShape(bands, frames)
    net = branch(shape=shape).eval()
    found = net(pictures(5, shape))
    assert found.shape == (5, shape.features)
    assert found.dtype == torch.float32
    assert net(pictures(5, shape)[:0]).shape == (0, shape.features)


def test_gradients_reach_every_weight() -> None:
    net = branch()
    net(net.augment(pictures(16))).square().sum().backward()
    for name, weight in net.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


def test_the_seed_decides_on_the_weights_and_without_one_they_are_filled_later() -> None:
    one, same, other, empty = branch(3), branch(3), branch(4), SHAPE.build(None)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.stem[0].weight, other.stem[0].weight)
    assert [a.shape for a in empty.state_dict().values()] == [
        a.shape for a in one.state_dict().values()
    ]
    assert not torch.equal(one.places[0].together[0].weight, other.places[0].together[0].weight)


def test_rows_do_not_see_their_neighbours() -> None:
    net, cells = branch(), pictures(8)
    net(cells)  # statistics
    net.eval()
    alone = torch.cat([net(cells[row : row + 1]) for row in range(8)])
    assert torch.allclose(net(cells), alone, atol=1e-5)


def test_missing_and_silent_clips_give_finite_features() -> None:
    net = branch()
    both = torch.cat([pictures(4), torch.zeros(4, 64, 88, dtype=torch.uint8)])
    assert torch.isfinite(net(net.augment(both))).all()
    assert torch.isfinite(net.eval()(both)).all()


def test_where_in_time_a_clip_stands_matters_little() -> None:
    net = branch().eval()
    early, late = torch.zeros(1, 64, 88), torch.zeros(1, 64, 88)
    sound = torch.rand(64, 24, generator=torch.Generator().manual_seed(2)) * 255
    early[0, :, 16:40], late[0, :, 40:64] = sound, sound
    one, other = net(early).detach(), net(late).detach()
    assert float((one - other).norm() / one.norm()) < 0.03


def test_augmentation_keeps_size_range_and_the_cells_given() -> None:
    net, cells = branch(), pictures(32)
    before = cells.clone()
    found = net.augment(cells)
    assert torch.equal(cells, before)
    assert found.shape == cells.shape
    assert 0 <= float(found.min()) <= float(found.max()) <= 255
    silent = torch.zeros(3, 64, 88, dtype=torch.uint8)
    assert not net.augment(silent).any()


def test_augmentation_is_drawn_from_torchs_numbers_each_clip_its_own() -> None:
    net, cells = branch(), pictures(1).expand(16, -1, -1)
    torch.manual_seed(0)
    one = net.augment(cells)
    torch.manual_seed(0)
    assert torch.equal(net.augment(cells), one)
    assert not torch.equal(net.augment(cells), one)
    assert len({bytes(row.numpy().tobytes()) for row in one}) == 16


def test_an_augmented_clip_is_still_there() -> None:
    clip = torch.zeros(1, 64, 88)
    clip[:, 20:44, 30:60] = 255
    found = branch().augment(clip.expand(64, -1, -1))
    inside, around = found[:, 26:38, 38:52].mean(), found[:, :, :10].mean()
    assert inside > 3 * around
    assert inside > 100


def test_noise_adds_power_to_what_is_quiet_and_none_to_silence() -> None:
    clip = pictures(64).float()
    torch.manual_seed(0)
    noisy = _noisy(clip)
    heard = clip > 0
    assert (noisy[heard] >= clip[heard] - 1e-3).all()
    changed = (noisy - clip).abs().amax((1, 2)) > 1e-3
    assert 0.5 < changed.float().mean() < 0.9
    more = (noisy - clip)[changed]
    loud = clip[changed] > 240
    assert more[loud].mean() < 10 < more[heard[changed] & (clip[changed] < 60)].mean()
    assert not noisy[(clip == 0).all(1, keepdim=True).expand_as(clip)].any()


def test_noise_is_added_as_powers_are() -> None:
    even = torch.full((2_000, 1, 8), 128.0)
    torch.manual_seed(0)
    more = _noisy(even)[:, 0] - 128.0
    assert more.min() >= 0
    # The loudest noise stands 0.85 * 255 - 128 bytes above the clip, and swings by some dB.
    assert 255 * (NOISE + HISS) - 128 - 10 < more.max() < 255 * (NOISE + HISS) - 128 + 60


def test_a_shape_goes_through_json() -> None:
    shape = AudioShape(40, 96, (8, 16), 24, 1)
    assert AudioShape.from_json(shape.to_json()) == shape


@pytest.mark.parametrize(
    "change",
    [
        *({"bands": value} for value in (0, -1, 1.0, "64", None, True, 10**6)),
        *({"frames": 0}, {"frames": 10**7}, {"blocks": 0}, {"blocks": 10**6}),
        *({"widths": ()}, {"widths": (0,)}, {"widths": (10**9,)}, {"widths": (8,) * 99}),
        *({"widths": "abc"}, {"widths": 3}, {"widths": [1.5]}),
    ],
)
def test_a_hostile_shape_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        AudioShape.from_json(SHAPE.to_json() | change)
    with pytest.raises(KeyError):
        AudioShape.from_json(dict.fromkeys(("bands", "frames", "blocks"), 8))


def test_the_estimate_of_memory_is_near_what_a_step_keeps() -> None:
    for shape in (SHAPE, AudioShape(64, 400), AudioShape(40, 88, (24, 48, 96), 96, 2)):
        held: dict[int, int] = {}

        def pack(tensor: Tensor, held: dict[int, int] = held) -> Tensor:
            held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        net = branch(shape=shape)
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            net(net.augment(pictures(16, shape))).sum().backward()
        kept = sum(held.values()) / 16
        assert kept / 3 < shape.row_bytes < 3 * kept
