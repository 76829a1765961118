"""What happens to gradients before a step and to weights after it, and Muon's matrices."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter

from deeplode.fit.muon import orthogonal
from deeplode.fit.optimizers import OPTIMIZERS, STYLES, Penalties, build
from deeplode.fit.regularizers import bound, clip, prepare, project, soften
from deeplode.nets.group import Group


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_clipping_shortens_each_members_whole_gradient_and_turns_none() -> None:
    parameters = [Parameter(torch.zeros(3, 4, 5)), Parameter(torch.zeros(3, 1, 5))]
    for parameter in parameters:
        parameter.grad = random(*parameter.shape) * torch.tensor([1e-3, 1.0, 1e3]).view(3, 1, 1)
    before = [parameter.grad.clone() for parameter in parameters if parameter.grad is not None]
    clip(parameters, 2.0)
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    whole = torch.cat([grad.flatten(1) for grad in grads], 1)
    was = torch.cat([grad.flatten(1) for grad in before], 1)
    assert torch.equal(whole[0], was[0])  # short enough already
    assert whole[1:].norm(dim=1).tolist() == pytest.approx([2.0, 2.0])
    torch.testing.assert_close(whole[2] / whole[2].norm(), was[2] / was[2].norm())


def test_a_soft_threshold_takes_the_same_from_all_weights_and_stops_at_zero() -> None:
    weights = torch.tensor([-2.0, -0.1, 0.0, 0.1, 0.5])
    soften(weights, 0.25)
    assert weights.tolist() == [-1.75, 0.0, 0.0, 0.0, 0.25]


def test_max_norm_bounds_the_weights_into_each_unit_and_leaves_short_ones() -> None:
    weights = torch.tensor([[[3.0, 0.3], [4.0, 0.4]]])  # one member, two inputs, two units
    bound(weights, 1.0)
    torch.testing.assert_close(weights, torch.tensor([[[0.6, 0.3], [0.8, 0.4]]]))


def test_penalties_leave_groups_that_do_not_decay_alone() -> None:
    weight, bias = Parameter(torch.ones(1, 2, 2)), Parameter(torch.ones(1, 1, 2))
    groups = [Group((weight,), units=(weight,)), Group((bias,), decay=False)]
    rule = build("sgd", "torch", groups, 0.5, Penalties(l1=0.1, l2=0.2, weight_decay=0.3))
    for parameter in (weight, bias):
        parameter.grad = torch.zeros_like(parameter)
    prepare(rule, 0.0)
    rule.step()
    project(rule, 0.0)
    assert (bias == 1).all()
    # l2's gradient is that of the weight before decay: 1 * (1 - 0.5 * 0.3) - 0.5 * 0.2 - 0.5 * 0.1
    assert weight.flatten().tolist() == pytest.approx([0.7] * 4)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_members_do_not_touch_each_other_under_any_optimizer(name: str, style: str) -> None:
    ends = []
    for second in (1.0, 50.0):
        weight, bias = Parameter(random(2, 4, 3)), Parameter(random(2, 1, 3, seed=1))
        groups = [Group((weight,), units=(weight,)), Group((bias,), decay=False)]
        rule = build(name, style, groups, 0.01, Penalties(0.01, 0.02, 0.03))
        for step in range(4):
            for parameter in (weight, bias):
                grad = random(*parameter.shape, seed=step)
                grad[1] *= second
                parameter.grad = grad
            prepare(rule, 0.5)
            rule.step()
            project(rule, 0.8)
        ends.append(torch.cat([weight.detach()[0], bias.detach()[0]]))
    assert torch.equal(*ends)


@pytest.mark.parametrize("shape", [(2, 5, 5), (2, 30, 4), (2, 3, 40), (2, 7, 1)])
def test_muon_keeps_singular_vectors_and_brings_singular_values_near_one(
    shape: tuple[int, int, int],
) -> None:
    matrices = random(*shape)
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    made = u.mT @ orthogonal(matrices) @ v.mT
    values = torch.diagonal(made, dim1=1, dim2=2)
    assert float((made - torch.diag_embed(values)).abs().max()) < 1e-4
    assert 0.3 < float(values.min()) <= float(values.max()) < 1.25


@pytest.mark.parametrize("shape", [(24, 16), (16, 40)])
def test_muon_steps_are_torchs_up_to_the_bfloat16_that_it_computes_in(
    shape: tuple[int, int],
) -> None:
    own, theirs = Parameter(torch.zeros(1, *shape)), Parameter(torch.zeros(*shape))
    rule = build("muon", "torch", [Group((own,), units=(own,))], 0.02, Penalties())
    peer = torch.optim.Muon([theirs], lr=0.02, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    for step in range(5):
        theirs.grad = random(*shape, seed=step)
        own.grad = theirs.grad.unsqueeze(0)
        rule.step()
        peer.step()
    distance = float((own[0] - theirs).detach().norm() / theirs.detach().norm())
    assert distance < 0.02
