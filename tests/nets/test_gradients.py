"""The gradients that training uses against finite differences, in float64."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from deeplode.fit.losses import BINARY, MULTICLASS, REGRESSION, Loss, focused, smoothed
from deeplode.nets.activation import ACTIVATIONS
from deeplode.nets.codes import Codes
from deeplode.nets.dropout import MaskPool, Masks
from deeplode.nets.ensemble import Ensemble
from deeplode.nets.knots import Knots
from deeplode.nets.shape import NetShape

MEMBERS, ROWS = 2, 5
STRIDE = 1e-5  # of the differences: their own error is about STRIDE²
_random = torch.Generator().manual_seed(11)
NUMBERS = torch.randn(60, 2, generator=_random)
_columns = [torch.randint(2, 2 + levels, (60,), generator=_random) for levels in (3, 12)]
CATEGORIES = torch.stack(_columns, 1).int()
PLAIN = Codes.fit(NUMBERS, CATEGORIES, quantiles=3, frequent=0)


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def doubled(codes: Codes) -> Codes:
    """The same codes, which are learned as float32, in float64."""
    knots = codes.knots
    values, normal, smooth = (one.double() for one in (knots.values, knots.normal, knots.smooth))
    wider = Knots(values, normal, smooth, knots.starts)
    return Codes(wider, codes.slots, codes.shares.double(), codes.center.double())


class Question:
    """A net of random weights, rows for it, and a loss of its scores."""

    def __init__(
        self, activation: str, loss: Loss, outputs: int, hidden: tuple[int, ...] = (4, 3)
    ) -> None:
        g = torch.Generator().manual_seed(12)
        codes = doubled(PLAIN)
        assert len(codes.few) == len(codes.many) == 1
        shape = NetShape(hidden, activation, outputs, MEMBERS)
        self.net, self.loss = Ensemble(shape, codes, torch.zeros(outputs), g), loss
        with torch.no_grad():
            for parameter in self.net.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=g) * 0.3)
        index = torch.randint(60, (MEMBERS, ROWS), generator=g)
        cells, positions = codes.ready(NUMBERS.double(), CATEGORIES)
        self.inputs = cells[index], positions[index]
        classes = torch.randint(max(outputs, 2), (MEMBERS, ROWS), generator=g)
        values = 9 * torch.randn(MEMBERS, ROWS, generator=g)  # some far enough to count as lines
        named = {id(REGRESSION): values, id(BINARY): classes.double()}
        self.truth = named.get(id(loss), classes if outputs > 1 else classes.double())
        self.way = self.net.passes(ROWS)

    def value(self, masks: Masks | None) -> float:
        scores = self.way.forward(self.inputs, masks)
        return float(self.loss.value(scores, self.truth).sum())

    def check(self, masks: Masks | None = None) -> None:
        """Compare every single derivative."""
        scores = self.way.forward(self.inputs, masks)
        self.way.backward(self.loss.slope(scores, self.truth))
        found = {name: own.grad.clone() for name, own in self.net.named_parameters()}  # type: ignore[union-attr]
        assert all(own.dtype == torch.float64 for own in found.values())
        with torch.no_grad():
            for name, parameter in self.net.named_parameters():
                flat, expected = parameter.view(-1), torch.empty(parameter.numel())
                for i in range(len(flat)):
                    here = flat[i].item()
                    ends = []
                    for step in (STRIDE, -STRIDE):
                        flat[i] = here + step
                        ends.append(self.value(masks))
                    flat[i] = here
                    expected[i] = (ends[0] - ends[1]) / (2 * STRIDE)
                got = found[name].view(-1)
                torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-7, msg=name)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_through_every_activation_are_those_of_finite_differences(
    activation: str,
) -> None:
    Question(activation, MULTICLASS, 3).check()


@pytest.mark.parametrize("hidden", [(), (3,), (3, 3, 3)])
def test_gradients_are_exact_at_every_depth(hidden: tuple[int, ...]) -> None:
    Question("tanh", REGRESSION, 1, hidden).check()


@pytest.mark.parametrize(
    ("loss", "outputs"),
    [
        (REGRESSION, 1),
        (BINARY, 1),
        (MULTICLASS, 3),
        (smoothed(BINARY, 0.1), 1),
        (smoothed(MULTICLASS, 0.1), 3),
        (focused(BINARY, 2.0), 1),
        (focused(MULTICLASS, 0.5), 3),
    ],
    ids=[
        *("regression", "binary", "multiclass", "binary smoothed", "multiclass smoothed"),
        *("binary focal", "multiclass focal"),
    ],
)
def test_gradients_of_every_loss_are_exact(loss: Loss, outputs: int) -> None:
    Question("silu", loss, outputs).check()


def test_gradients_under_dropout_are_those_of_the_units_that_are_left() -> None:
    g = torch.Generator().manual_seed(3)
    pool = MaskPool(0.4, 2, MEMBERS * ROWS * 4, g)
    pool.refill(1)
    masks = pool.step(0)
    assert masks is not None
    Question("tanh", BINARY, 1).check(masks)


def test_smoothing_mixes_the_truth_with_equal_shares_of_all_classes() -> None:
    scores = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(1))
    truth = torch.tensor([[0, 1, 2, 1], [2, 2, 0, 1]])
    expected = torch.nn.functional.cross_entropy(
        scores.flatten(0, 1), truth.flatten(), reduction="none", label_smoothing=0.2
    )
    smooth = smoothed(MULTICLASS, 0.2)
    torch.testing.assert_close(smooth.value(scores, truth).flatten(), expected)
    one = scores[..., :1]
    both = torch.cat([torch.zeros_like(one), one], -1)
    binary = smoothed(BINARY, 0.2).value(one, (truth > 0).double())
    torch.testing.assert_close(binary, smooth_of_two(both, truth > 0))
    assert smoothed(BINARY, 0.0) is BINARY


def smooth_of_two(scores: Tensor, truth: Tensor) -> Tensor:
    return smoothed(MULTICLASS, 0.2).value(scores, truth.long())
