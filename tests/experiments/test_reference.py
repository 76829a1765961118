"""The net that people read, held to PyTorch within 1e-9 and to finite differences."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch
from torch.nn import functional

from deeplode import choices
from deeplode.experiments import reference
from deeplode.experiments.activations import ACTIVATIONS, BEGIN, CELU
from deeplode.experiments.reference import LOSSES, Layer, Recipe, Step

OPTIMIZERS = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "adamw")
NEAR = {"rtol": 1e-9, "atol": 1e-9}
ROWS, INPUTS, HIDDEN = 7, 5, (4, 3)
WIDTHS = {"binary_cross_entropy": 1, "cross_entropy": 3, "squared_error": 1}

TORCH_ACTIVATIONS = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": functional.relu,
    "leaky_relu": functional.leaky_relu,
    "prelu": torch.prelu,
    "elu": functional.elu,
    "selu": functional.selu,
    "celu": lambda z: functional.celu(z, CELU),
    "gelu": functional.gelu,
    "gelu_tanh": lambda z: functional.gelu(z, approximate="tanh"),
    "silu": functional.silu,
    "mish": functional.mish,
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    # functional.hardsigmoid has 1/6 as float32 in its slope, 5e-9 off
    "hard_sigmoid": lambda z: torch.clamp(z / 6 + 0.5, 0, 1),
    "hardswish": functional.hardswish,
}
TORCH_LOSSES = {
    "binary_cross_entropy": functional.binary_cross_entropy_with_logits,
    "cross_entropy": functional.cross_entropy,
    "squared_error": functional.mse_loss,
}
TORCH_OPTIMIZERS = {
    "sgd": lambda groups, rate: torch.optim.SGD(groups, rate),
    "momentum": lambda groups, rate: torch.optim.SGD(groups, rate, momentum=0.9),
    "nesterov": lambda groups, rate: torch.optim.SGD(groups, rate, momentum=0.9, nesterov=True),
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adadelta": torch.optim.Adadelta,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


def problem(loss: str, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Random inputs (rows, INPUTS) and a truth that the loss can take."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(rows, INPUTS))
    if loss == "binary_cross_entropy":
        return x, (np.arange(rows) % 2.0)[:, None]
    if loss == "cross_entropy":
        return x, np.eye(3)[np.arange(rows) % 3]
    return x, rng.normal(size=(rows, 1))


def net_for(how: Recipe) -> list[Layer]:
    """A net with biases that are not 0, so that an error in them shows."""
    rng = np.random.default_rng(5)
    sizes = (INPUTS, *HIDDEN, WIDTHS[how.loss])
    net = reference.initialise(sizes, how.activation, rng)
    return [one._replace(bias=rng.normal(size=one.bias.shape) / 4) for one in net]


def steps(how: Recipe, size: int = ROWS, count: int = 1) -> list[Step]:
    x, y = problem(how.loss)
    begun = reference.descend(net_for(how), x, y, how, size, np.random.default_rng(1))
    return list(islice(begun, count))


class Torch:
    """The same net, trained by PyTorch's autograd and optimizers on the same batches and masks."""

    def __init__(self, how: Recipe) -> None:
        self.how = how
        self.x, self.y = (torch.tensor(part) for part in problem(how.loss))
        self.parameters = [
            tuple(torch.tensor(part, requires_grad=True) for part in one) for one in net_for(how)
        ]
        free = [part for one in self.parameters for part in one[1:]]
        groups = [
            {"params": [one[0] for one in self.parameters], "weight_decay": how.l2},
            {"params": free, "weight_decay": 0.0},
        ]
        self.optimizer = TORCH_OPTIMIZERS[how.optimizer](groups, how.rate)

    def step(self, made: Step) -> torch.Tensor:
        """One step on the rows and masks of ``made``. Returns the loss before it."""
        self.zs, x = [], self.x[torch.tensor(made.rows)]
        masks = [torch.tensor(mask) for mask in made.masks]
        f = TORCH_ACTIVATIONS[self.how.activation]
        for (weights, bias, alpha), mask in zip(self.parameters, [*masks, None], strict=True):
            z = x @ weights + bias
            z.retain_grad()
            self.zs.append(z)
            x = z if mask is None else (f(z, alpha) if len(alpha) else f(z)) * mask
        loss = TORCH_LOSSES[self.how.loss](x, self.y[torch.tensor(made.rows)])
        self.optimizer.zero_grad()
        loss.backward()
        self.gradients = [
            [torch.zeros_like(one) if one.grad is None else one.grad.clone() for one in layer]
            for layer in self.parameters
        ]
        self.optimizer.step()
        with torch.no_grad():
            for weights, *_ in self.parameters:
                if self.how.l1:
                    shrunk = functional.softshrink(weights, self.how.rate * self.how.l1)
                    weights.copy_(shrunk)
        return loss.detach()


def loss_of(made: Step, how: Recipe) -> float:
    """The mean loss of a step's batch, before the step."""
    _, y = problem(how.loss)
    return float(LOSSES[how.loss].rows(made.zs[-1], y[made.rows]).mean())


def agree(how: Recipe, made: list[Step]) -> None:
    """Every number of these steps is PyTorch's."""
    other = Torch(how)
    for one in made:
        loss = other.step(one)
        np.testing.assert_allclose(loss_of(one, how), loss.numpy(), **NEAR)
        for at, z in enumerate(other.zs):
            np.testing.assert_allclose(one.zs[at], z.detach().numpy(), **NEAR)
            np.testing.assert_allclose(one.deltas[at], z.grad.numpy(), **NEAR)
            for mine, theirs in zip(one.gradients[at], other.gradients[at], strict=True):
                np.testing.assert_allclose(mine, theirs.numpy(), **NEAR)
            for mine, theirs in zip(one.after[at], other.parameters[at], strict=True):
                np.testing.assert_allclose(mine, theirs.detach().numpy(), **NEAR)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_and_its_slope_are_those_of_torch(name: str) -> None:
    z = np.concatenate([np.linspace(-15, 15, 401), [1e-12, -1e-12, 700.0, -700.0]])
    z = z[(z != 0) & (np.abs(np.abs(z) - 3) > 1e-9)]  # there are corners without a slope
    learned = [np.array([BEGIN])] if name == "prelu" else []
    theirs = torch.tensor(z, requires_grad=True)
    values = TORCH_ACTIVATIONS[name](theirs, *map(torch.tensor, learned))
    values.sum().backward()
    f = ACTIVATIONS[name]
    with np.errstate(over="raise", invalid="raise"):
        np.testing.assert_allclose(f.value(z, *learned), values.detach().numpy(), **NEAR)
        np.testing.assert_allclose(f.slope(z, *learned), theirs.grad.numpy(), **NEAR)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_and_loss_has_the_signals_and_gradients_of_autograd(
    activation: str, loss: str
) -> None:
    how = Recipe(activation, loss, "sgd", 0.1)
    agree(how, steps(how))


@pytest.mark.parametrize("share", [0.0, 0.4])
@pytest.mark.parametrize("regularizer", [(0, 0), (0.03, 0), (0, 0.2), (0.03, 0.2)], ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_and_regularizer_leaves_the_weights_of_torch(
    optimizer: str, regularizer: tuple[float, float], share: float
) -> None:
    rate = 1.0 if optimizer == "adadelta" else 0.03
    how = Recipe("tanh", "cross_entropy", optimizer, rate, *regularizer, share)
    agree(how, steps(how, size=3, count=20))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_slope_that_prelu_learns_is_stepped_as_torch_does_and_never_regularised(
    optimizer: str,
) -> None:
    how = Recipe("prelu", "cross_entropy", optimizer, 0.03, 0.01, 0.2, 0.3)
    made = steps(how, size=3, count=10)
    agree(how, made)
    assert (made[-1].after[0].alpha != BEGIN).all()
    assert made[-1].after[-1].alpha.size == 0


def test_every_choice_of_training_is_written_out_and_tested() -> None:
    from deeplode.experiments.settings import OPTIMIZERS as OFFERED_OPTIMIZERS

    assert sorted(OFFERED_OPTIMIZERS) == sorted(OPTIMIZERS)
    assert sorted(choices.ACTIVATIONS) == sorted(ACTIVATIONS) == sorted(TORCH_ACTIVATIONS)
    with pytest.raises(ValueError, match="magic"):
        reference.change("magic", np.zeros(1), 0.1, reference.Memory(lambda: np.zeros(())))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ["tanh", "gelu", "mish", "prelu"])
def test_gradients_are_the_finite_differences_of_the_loss(activation: str, loss: str) -> None:
    how = Recipe(activation, loss, "sgd", 0.1, dropout=0.3)
    (made,) = steps(how)
    x, y = (part[made.rows] for part in problem(loss))
    h = 1e-6

    def error(net: list[Layer]) -> float:
        _, zs = reference.forward(net, x, ACTIVATIONS[activation], made.masks)
        return float(LOSSES[loss].rows(zs[-1], y).mean())

    for at, (layer, gradient) in enumerate(zip(made.before, made.gradients, strict=True)):
        for array, slope in zip(layer, gradient, strict=True):
            for place in np.ndindex(array.shape):
                kept = array[place]
                array[place] = kept + h
                above = error(made.before)
                array[place] = kept - h
                below = error(made.before)
                array[place] = kept
                assert slope[place] == pytest.approx((above - below) / (2 * h), abs=1e-8), at


def test_a_layer_is_its_neurons_side_by_side() -> None:
    how = Recipe("gelu", "squared_error", "sgd", 0.1)
    (made,) = steps(how)
    layer, f = made.before[0], ACTIVATIONS["gelu"].value
    for j in range(HIDDEN[0]):
        alone = reference.neuron(made.xs[0], layer.weights[:, j], float(layer.bias[j]), f)
        np.testing.assert_allclose(made.xs[1][:, j], alone, rtol=1e-12)


@pytest.mark.parametrize(("size", "per_pass"), [(ROWS, 1), (1, ROWS), (3, 3)])
def test_batch_stochastic_and_mini_batch_descent_use_each_row_once_a_pass(
    size: int, per_pass: int
) -> None:
    made = steps(Recipe("relu", "squared_error", "sgd", 0.01), size, 2 * per_pass)
    for turn in (made[:per_pass], made[per_pass:]):
        assert sorted(np.concatenate([one.rows for one in turn])) == list(range(ROWS))
        assert max(len(one.rows) for one in turn) == size


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_lowers_the_loss(optimizer: str) -> None:
    rate = 1.0 if optimizer == "adadelta" else 0.05
    how = Recipe("tanh", "binary_cross_entropy", optimizer, rate)
    made = steps(how, ROWS, 200)
    assert loss_of(made[-1], how) < 0.9 * loss_of(made[0], how)


def test_l1_makes_weights_exactly_zero_and_spares_biases() -> None:
    made = steps(Recipe("relu", "squared_error", "adam", 0.01, l1=5.0), ROWS, 50)
    after = made[-1].after
    assert all((layer.weights == 0).mean() > 0.5 for layer in after)
    assert all((layer.bias != 0).any() for layer in after)


def test_dropout_silences_its_share_and_keeps_the_mean() -> None:
    net = reference.initialise((INPUTS, 400, 2), "relu", np.random.default_rng(0))
    (mask,) = reference.dropout(500, net, 0.3, np.random.default_rng(0))
    assert (mask == 0).mean() == pytest.approx(0.3, abs=0.005)
    assert mask.mean() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_stay_finite_where_the_net_is_sure_and_wrong(name: str) -> None:
    _, y = problem(name)
    z = np.where(y > 0, -1e4, 1e4)
    loss = LOSSES[name]
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert np.isfinite(loss.rows(z, y)).all()
        assert np.isfinite(loss.slope(z, y)).all()
        assert np.isfinite(loss.answer(z)).all()
