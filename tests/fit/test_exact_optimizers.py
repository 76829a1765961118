"""Optimizers against trajectories computed in float64 from the published rules, to 1e-6.

Each line: optimizer, style, settings, then x and y after 1, 2, 10, 100 and 1000 steps on the whole
function, without weight decay unless it is set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim import Optimizer

from deeplode.fit.optimizers import KERAS, OPTIMIZERS, Penalties, build
from deeplode.fit.regularizers import prepare
from deeplode.nets.group import Group

STEPS = (1, 2, 10, 100, 1000)
RULES = {"torch": OPTIMIZERS, "keras": KERAS}
Case = tuple[str, str, dict[str, Any], tuple[float, ...]]
AGED = {"betas": (0.9, 0.999)}

ROSENBROCK: list[Case] = [
    ("sgd", "torch", {"lr": 1e-3}, (-0.9844, 1.088, -1.02727157, 1.06420867, -1.02141133,
     1.05126227, -0.948186379, 0.9070941, 0.327262775, 0.1040128)),
    ("momentum", "torch", {"lr": 1e-3}, (-0.9844, 1.088, -0.833231567, 1.14340867, -0.813923231,
     0.754867772, 0.622301428, 0.385231543, 0.994999001, 0.99000294)),
    ("nesterov", "torch", {"lr": 1e-3}, (-0.79036, 1.1672, -0.934804723, 1.03231819, -0.879918328,
     0.781946181, 0.45708693, 0.205926971, 0.994142834, 0.988296453)),
    ("momentum", "torch", {"lr": 1e-3, "dampening": 0.9}, (-0.9844, 1.088, -0.794647157,
     1.16482087, -0.331065775, 1.03321657, 0.00262212065, -0.00162547785, 0.653342972,
     0.42517903)),
    ("rmsprop", "torch", {"lr": 1e-2}, (-1.1, 1.1, -1.07618551, 1.12436851, -1.05861654,
     1.12694674, -0.978863138, 0.964367886, 0.830277324, 0.699765599)),
    ("rmsprop_centered", "torch", {"lr": 1e-2}, (-1.09949622, 1.10050378, -1.07582306, 1.12471272,
     -1.05854505, 1.1268005, -0.978325195, 0.963336906, 0.849311795, 0.70516295)),
    ("rmsprop_momentum", "torch", {"lr": 1e-2}, (-1.1, 1.1, -0.986185508, 1.21436851, -1.07247157,
     0.962165408, -0.498681535, 0.253333234, 0.9960093, 0.99147217)),
    ("rmsprop", "keras", {"lr": 1e-2}, (-1.16837722, 1.03162278, -1.14887891, 1.05136098,
     -1.08244346, 1.11847113, -0.860724663, 0.749714768, 0.864490707, 0.760638953)),
    ("rmsprop", "keras", {"lr": 1e-3}, (-1.19683772, 1.00316228, -1.19457293, 1.00542939,
     -1.18310804, 1.01692485, -1.1014326, 1.09884989, -0.535229525, 0.300215911)),
    ("adam", "torch", {"lr": 1e-2}, (-1.19, 1.01, -1.18003196, 1.01997111, -1.10495554,
     1.09533462, -1.0435756, 1.09388266, -0.120211278, 0.0154582785)),
    ("adam", "keras", {"lr": 1e-2}, (-1.19, 1.01, -1.18003196, 1.01997111, -1.10495554,
     1.09533462, -1.0435756, 1.09388266, -0.120211296, 0.0154582831)),
    ("adamw", "torch", {"lr": 1e-2, "weight_decay": 1e-2, **AGED}, (-1.18988, 1.0099, -1.17979323,
     1.01976991, -1.10384335, 1.09425213, -1.03625592, 1.07899407, -0.0513047426, 0.00298044823)),
    ("adagrad", "torch", {"lr": 0.1}, (-1.1, 1.1, -1.07629816, 1.12425356, -1.05876718,
     1.12726089, -0.998940358, 1.00409851, -0.239049962, 0.059448333)),
    ("adagrad", "keras", {"lr": 0.1}, (-1.10000011, 1.09999935, -1.07629812, 1.12425295,
     -1.05876698, 1.12726048, -0.998940438, 1.00409868, -0.239053095, 0.0594498714)),
    ("adadelta", "torch", {"lr": 1.0}, (-1.19683772, 1.00316228, -1.19363482, 1.00636845,
     -1.1691132, 1.03108163, -1.06095673, 1.13072629, 0.747554464, 0.500351732)),
    ("adadelta", "keras", {"lr": 1.0}, (-1.19858579, 1.00141421, -1.1971619, 1.00283876,
     -1.18596605, 1.01407575, -1.10502056, 1.09687359, -0.0624294311, 0.00733174793)),
    ("nadam", "torch", {"lr": 1e-2}, (-1.18943548, 1.01056452, -1.18192503, 1.01810016,
     -1.12920343, 1.0713299, -1.04721913, 1.10300674, -0.219838995, 0.0503774512)),
    ("adamax", "torch", {"lr": 1e-2}, (-1.19, 1.01, -1.1804278, 1.0196041, -1.11869095,
     1.08226747, -1.05850276, 1.12519974, -0.944597935, 0.898366365)),
]  # fmt: skip
BEALE: list[Case] = [
    ("sgd", "torch", {"lr": 1e-3}, (1, 0.97225, 1.00073394, 0.946339272, 1.02327121, 0.783513997,
     1.49509168, 0.200554612, 2.48034519, 0.337081974)),
    ("momentum", "torch", {"lr": 1e-3}, (1, 0.97225, 1.00073394, 0.921364272, 1.1284974,
     0.233010053, 2.46591353, 0.335778378, 2.98434197, 0.496064995)),
    ("nesterov", "torch", {"lr": 1e-3}, (1, 0.947275, 1.00253833, 0.878520254, 1.17419433,
     0.222776327, 2.47723848, 0.337548309, 2.98423477, 0.496037869)),
    ("rmsprop", "torch", {"lr": 1e-2}, (1, 0.9, 1.1, 0.838284541, 1.53743188, 0.57759683,
     2.38320365, 0.288311145, 2.99715036, 0.497488567)),
    ("rmsprop_centered", "torch", {"lr": 1e-2}, (1, 0.899496219, 1.10050378, 0.837215395,
     1.5479997, 0.570588667, 2.43229409, 0.305478383, 2.99782577, 0.498706825)),
    ("rmsprop_momentum", "torch", {"lr": 1e-2}, (1, 0.9, 1.1, 0.748284541, 2.72746055,
     -0.373308464, 2.93061674, 0.481741623, 2.99763235, 0.500493994)),
    ("rmsprop", "keras", {"lr": 1e-2}, (1, 0.968377223, 1.03162275, 0.946303218, 1.19483206,
     0.834352767, 2.07637527, 0.213999221, 2.9921592, 0.504237888)),
    ("adam", "torch", {"lr": 1e-2}, (1, 0.99, 1.00744137, 0.980007198, 1.0820351, 0.900616705,
     2.04356388, 0.325888155, 2.92743272, 0.480964482)),
    ("adagrad", "torch", {"lr": 0.1}, (1, 0.9, 1.1, 0.838476616, 1.53415953, 0.581085676,
     2.34077793, 0.276874839, 2.86395411, 0.463397977)),
    ("adadelta", "torch", {"lr": 1.0}, (1, 0.996837722, 1.0031602, 0.993605319, 1.05777136,
     0.966640155, 3.09437204, 0.65404834, 2.9932187, 0.483495653)),
]  # fmt: skip
# These rules hop from one side of a valley to the other: rounding grows until, at step 1000, a
# start moved by 1e-15 ends elsewhere. Their published paths are kept to for 100 steps.
CHAOTIC = [
    case
    for case in ROSENBROCK + BEALE
    if case[1] == "torch"
    and case[0] in ("rmsprop", "rmsprop_centered", "rmsprop_momentum", "adadelta")
]
SGD_IS_THE_SAME = [
    (name, "keras", settings, values)
    for name, style, settings, values in ROSENBROCK + BEALE
    if name in ("sgd", "momentum", "nesterov") and "dampening" not in settings
]


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def rosenbrock(p: Tensor) -> Tensor:
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


def beale(p: Tensor) -> Tensor:
    x, y = p
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def optimizer(name: str, style: str, settings: dict[str, Any], *parameters: Tensor) -> Optimizer:
    own = dict(settings)
    return RULES[style][name].over([{"params": list(parameters)}], own.pop("lr"), **own)


def path(make: Callable[[Tensor], Optimizer], f: Any, start: Any, steps: int) -> list[list[float]]:
    """Where each of so many steps leads."""
    p = torch.tensor(start, requires_grad=True)
    rule, found = make(p), []
    for _ in range(steps):
        rule.zero_grad()
        f(p).backward()
        rule.step()
        found.append(p.tolist())
    return found


def follow(case: Case, f: Any, start: Any) -> list[float]:
    name, style, settings, _ = case
    found = path(lambda p: optimizer(name, style, settings, p), f, start, STEPS[-1])
    return [number for step in STEPS for number in found[step - 1]]


def published(case: Case) -> tuple[float, ...]:
    return case[3][:8] if case in CHAOTIC else case[3]


def told(case: Case) -> str:
    return f"{case[0]}-{case[1]}-{case[2]['lr']}{'-dampened' if 'dampening' in case[2] else ''}"


@pytest.mark.parametrize("case", ROSENBROCK, ids=told)
def test_rosenbrocks_valley_is_gone_through_on_the_published_path(case: Case) -> None:
    found, expected = follow(case, rosenbrock, (-1.2, 1.0)), published(case)
    assert found[: len(expected)] == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("case", BEALE, ids=told)
def test_beales_function_is_gone_down_on_the_published_path(case: Case) -> None:
    found, expected = follow(case, beale, (1.0, 1.0)), published(case)
    assert found[: len(expected)] == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("case", CHAOTIC, ids=told)
def test_where_a_path_is_not_compared_to_its_end_rounding_decides_that_end(case: Case) -> None:
    f, start = (beale, (1.0, 1.0)) if case in BEALE else (rosenbrock, (-1.2, 1.0))
    one, moved = follow(case, f, start), follow(case, f, (start[0] + 1e-15, start[1] + 1e-15))
    assert one[:8] == pytest.approx(moved[:8], rel=1e-6)
    assert one[8:] != pytest.approx(moved[8:], rel=1e-6)


@pytest.mark.parametrize("case", SGD_IS_THE_SAME, ids=told)
def test_descent_with_a_constant_rate_is_the_same_in_both_styles(case: Case) -> None:
    f, start = (beale, (1.0, 1.0)) if case[3][0] >= 1 else (rosenbrock, (-1.2, 1.0))
    assert follow(case, f, start) == pytest.approx(case[3], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "style", "rate", "after_1", "after_10"),
    [
        ("rmsprop", "torch", 1e-2, (0.990909090909, 1.98333333333),
         (0.920580231988, 1.86383572532)),
        ("rmsprop", "keras", 1e-2, (0.999999683772, 1.99999936754),
         (0.999996837727, 1.99999367545)),
        ("adam", "torch", 1e-2, (0.995, 1.99333333333), (0.950364950584, 1.93357394358)),
        ("adam", "keras", 1e-2, (0.999968476908, 1.99993715193), (0.999295991418, 1.99860268091)),
        ("adagrad", "torch", 0.1, (0.90099009901, 1.90049751244), None),
        ("adagrad", "keras", 0.1, (0.999999996838, 1.99999999368), None),
    ],
)  # fmt: skip
def test_epsilon_stands_where_each_style_has_it(
    name: str, style: str, rate: float, after_1: tuple[float, ...], after_10: Any
) -> None:
    def f(p: Tensor) -> Tensor:
        return 5e-9 * (p[0] ** 2 + p[1] ** 2)

    found = path(lambda p: optimizer(name, style, {"lr": rate}, p), f, (1.0, 2.0), 10)
    moved = [start - end for start, end in zip((1.0, 2.0), found[0], strict=True)]
    known = [start - end for start, end in zip((1.0, 2.0), after_1, strict=True)]
    assert found[0] == pytest.approx(after_1, rel=1e-11)
    assert moved == pytest.approx(known, rel=1e-3)  # as many digits as are published
    if after_10:
        assert found[9] == pytest.approx(after_10, rel=1e-11)


def test_descent_on_a_parabola_has_its_closed_form() -> None:
    for height, end in ((1.0, 0.00592052922033), (10.0, 7.8886e-31)):
        found = path(
            lambda p: optimizer("sgd", "torch", {"lr": 0.05}, p),
            lambda p, h=height: 0.5 * h * p[0] ** 2,
            (1.0,),
            100,
        )
        assert found[-1][0] == pytest.approx((1 - 0.05 * height) ** 100, rel=1e-9)
        assert found[-1][0] == pytest.approx(end, rel=1e-5)


def test_the_heavy_ball_rolls_as_worked_out() -> None:
    found = path(
        lambda p: optimizer("momentum", "torch", {"lr": 0.05}, p),
        lambda p: 0.5 * (p[0] ** 2 + 10 * p[1] ** 2),
        (1.0, 1.0),
        100,
    )
    expected = {
        1: (0.95, 0.5),
        2: (0.8575, -0.2),
        3: (0.731375, -0.73),
        10: (-0.31092291067, 0.087724768),
        100: (-0.00498462311047, 0.00289005078314),
    }
    for step, values in expected.items():
        assert found[step - 1] == pytest.approx(values, rel=1e-8)


@pytest.mark.parametrize(
    ("name", "style", "size"),
    [("adam", "torch", 1.0), ("adam", "keras", 1.0), ("rmsprop", "torch", 10.0),
     ("rmsprop", "keras", 3.16227766)],
)  # fmt: skip
@pytest.mark.parametrize("gradient", [1e3, -7.0])
def test_a_first_adaptive_step_is_as_long_whatever_the_gradient(
    name: str, style: str, size: float, gradient: float
) -> None:
    make: Callable[[Tensor], Optimizer] = lambda p: optimizer(name, style, {"lr": 0.01}, p)  # noqa: E731
    (end,) = path(make, lambda p: gradient * p[0], (0.0,), 1)
    assert end[0] == pytest.approx(-0.01 * size * (1 if gradient > 0 else -1), rel=1e-6)


def fed(rule: Optimizer, p: Tensor, gradients: list[list[float]]) -> list[list[float]]:
    """The parameter after each of these gradients."""
    found = []
    for gradient in gradients:
        p.grad = torch.tensor(gradient)
        rule.step()
        found.append(p.tolist())
    return found


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("sgd", (0.5, -1.0, -0.5, 3.0)),
        ("rmsprop", (-0.5811, 0.4189, 1.4189, 2.4189)),
        ("adam", (0.5, 1.5, 2.5, 3.5)),
        ("nadam", (0.4686, 1.4686, 2.4686, 3.4686)),
        ("adagrad", (0.5233, 1.5007, 2.5005, 3.5061)),
    ],
)
def test_a_step_is_that_of_keras_own_tests(name: str, end: tuple[float, ...]) -> None:
    p = torch.tensor([1.0, 2.0, 3.0, 4.0])
    (found,) = fed(optimizer(name, "keras", {"lr": 0.5}, p), p, [[1.0, 6.0, 7.0, 2.0]])
    assert found == pytest.approx(end, abs=5e-5)


@pytest.mark.parametrize(
    ("name", "settings", "firsts", "lasts"),
    [
        ("nesterov", {"lr": 0.01, "momentum": 0.0}, (0.9999, 0.9989, 0.9979, 0.9969, 0.9959),
         (0.9999, 0.9899, 0.9799, 0.9699, 0.9599)),
        ("rmsprop_centered", {"lr": 0.001}, (0.9967, 0.9933, 0.9908, 0.9885, 0.9864), None),
        ("amsgrad", {"lr": 0.001}, (0.999, 0.9982, 0.9974, 0.9965, 0.9955), None),
        ("adagrad", {"lr": 0.2, "initial": 0.3, "eps": 1e-6},
         (0.9963, 0.9604, 0.9251, 0.8903, 0.856), (0.9963, 0.8209, 0.6891, 0.579, 0.4825)),
        ("nadam", {"lr": 0.5, "betas": (0.5, 0.67), "eps": 1e-5},
         (0.4281, -0.1738, -0.7115, -1.2335, -1.7492),
         (0.4281, -0.1717, -0.7084, -1.2299, -1.7454)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_sequence_is_that_of_keras_own_tests(
    name: str, settings: dict[str, Any], firsts: tuple[float, ...], lasts: Any
) -> None:
    p = torch.ones(10)
    gradients = [[0.01] * 10] + [[0.1 * i for i in range(1, 11)]] * 4
    found = fed(optimizer(name, "keras", settings, p), p, gradients)
    precision = 5e-4 if name == "amsgrad" else 6e-5  # Keras' own tolerance there
    assert [step[0] for step in found] == pytest.approx(firsts, abs=precision)
    if lasts:
        assert [step[-1] for step in found] == pytest.approx(lasts, abs=6e-5)


def test_momentum_is_the_same_in_both_styles_only_while_the_rate_stays() -> None:
    ends = []
    for style in RULES:
        p = torch.ones(1)
        rule = optimizer("momentum", style, {"lr": 0.1}, p)
        fed(rule, p, [[1.0], [1.0]])
        rule.param_groups[0]["lr"] = 0.01
        ends.append(fed(rule, p, [[1.0]])[0][0])
    # torch scales the whole history by the new rate, Keras keeps what the old rate made of it
    assert ends == pytest.approx([0.71 - 0.01 * 2.71, 0.71 - 0.9 * 0.19 - 0.01])


@pytest.mark.parametrize("style", RULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weight_decay_is_decoupled_and_l2_coupled_with_every_optimizer(
    name: str, style: str
) -> None:
    def run(penalties: Penalties, gradient: float) -> float:
        p = torch.nn.Parameter(torch.full((1, 3, 3), 2.0))
        rule = build(name, style, [Group((p,), units=(p,))], 1.0, penalties)
        p.grad = torch.full_like(p, gradient)
        prepare(rule, 0.0)
        rule.step()
        return float(p.detach()[0, 0, 0])

    assert run(Penalties(weight_decay=0.004), 0.0) == pytest.approx(1.992)
    plain = run(Penalties(), 1.0)
    assert run(Penalties(weight_decay=0.1), 1.0) == pytest.approx(plain - 0.2)
    # l2 / 2 * w² has the gradient l2 * w = 0.5 * 2
    assert run(Penalties(l2=0.5), 0.0) == pytest.approx(plain)
