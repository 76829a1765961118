"""Knots, codes, the stacked ensemble and its folded form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from deeplode.nets.activation import ACTIVATIONS
from deeplode.nets.codes import Codes
from deeplode.nets.dropout import MaskPool
from deeplode.nets.ensemble import Ensemble
from deeplode.nets.folded import Folded
from deeplode.nets.knots import place_knots
from deeplode.nets.shape import NetShape

NAN = float("nan")


def random() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def some_rows(rows: int = 200) -> tuple[Tensor, Tensor]:
    """Four number columns (smooth, few values, gaps, constant), four of categories (2, 4, 30
    levels and one level alone)."""
    g = random()
    numbers = torch.randn(rows, 4, generator=g)
    numbers[:, 1] = numbers[:, 1].round()
    numbers[::7, 2] = NAN
    numbers[:, 3] = 5.0
    columns = [torch.randint(2, 2 + n, (rows,), generator=g) for n in (2, 4, 30, 1)]
    columns[1][::9] = 1
    return numbers, torch.stack(columns, 1).int()


def some_ensemble(
    hidden: tuple[int, ...] = (8, 6), outputs: int = 3, activation: str = "silu"
) -> Ensemble:
    """Three members with random weights everywhere."""
    codes = Codes.fit(*some_rows(), quantiles=6, frequent=6)
    net = Ensemble(NetShape(hidden, activation, outputs, 3), codes, torch.zeros(outputs), random())
    g = random()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=g) * 0.3)
    net.fill_unseen()
    return net


def through_ensemble(net: Ensemble, numbers: Tensor, categories: Tensor) -> Tensor:
    cells = net.codes.knots.cells(numbers).expand(net.shape.members, -1, -1)
    positions = net.codes.positions(categories).expand(net.shape.members, -1, -1)
    with torch.no_grad():
        result: Tensor = net(cells, positions)
    return result


def test_coordinates_count_knots_and_stay_within_the_outer_ones() -> None:
    knots = place_knots(torch.tensor([[0.0], [1.0], [3.0]]), quantiles=2, frequent=0)
    assert knots.values.tolist() == [0.0, 1.0, 3.0]
    segment, part = knots.places(torch.tensor([[-9.0, 0.0, 0.25, 1.0, 2.0, 3.0, 1e30]]))
    assert (segment + part).tolist() == [[0.0, 0.0, 0.25, 1.0, 1.5, 2.0, 2.0]]


def test_a_frequent_value_and_its_neighbours_in_rank_get_knots() -> None:
    column = torch.cat([torch.linspace(0, 1, 101), torch.full((50,), 0.333)]).unsqueeze(1)
    knots = place_knots(column, quantiles=4, frequent=3)
    assert torch.tensor(0.333) in knots.values


def test_normal_scores_of_knots_follow_their_rank() -> None:
    column = torch.linspace(-50, 50, 1001).unsqueeze(1)
    knots = place_knots(column, quantiles=4, frequent=0)
    assert knots.normal.tolist() == pytest.approx([-3.09, -0.674, 0.0, 0.674, 3.09], abs=0.01)
    assert knots.smooth.abs().max() < 3


def test_a_missing_number_counts_as_the_median() -> None:
    numbers, _ = some_rows()
    knots = place_knots(numbers, 6, 6)
    filled = torch.where(numbers.isnan(), 0.0, numbers)
    assert torch.equal(knots.cells(numbers), knots.cells(filled))


def test_a_constant_column_says_nothing_whatever_comes_later() -> None:
    knots = place_knots(torch.full((10, 1), 2.0), 4, 4)
    cells = knots.cells(torch.tensor([[2.0], [1e30], [-7.0], [NAN]]))
    assert cells.abs().max() < 1e-6


def test_a_column_without_any_value_says_nothing() -> None:
    knots = place_knots(torch.full((10, 1), NAN), 4, 4)
    assert knots.cells(torch.tensor([[2.0], [NAN]])).abs().max() < 1e-6


def test_wide_inputs_are_the_piecewise_linear_code_then_scores_then_levels() -> None:
    numbers = torch.tensor([[0.0], [1.0], [3.0], [1.0]])
    categories = torch.tensor([[2], [3], [4], [2]], dtype=torch.int32)
    codes = Codes.fit(numbers, categories, quantiles=2, frequent=0)
    wide = codes.wide(codes.knots.cells(torch.tensor([[2.0]])), codes.positions(categories[1:2]))
    assert wide[0, :2].tolist() == [1.0, 0.5]
    assert wide[0, 4:].tolist() == [0.0, 1.0, 0.0]
    assert codes.inputs == (2, 2, 3)
    assert codes.center[4:].tolist() == [0.5, 0.25, 0.25]


def test_two_levels_need_one_input_and_one_level_none() -> None:
    codes = Codes.fit(*some_rows(), quantiles=6, frequent=6)
    assert codes.few == (0, 1, 3)
    assert codes.many == (2,)
    assert codes.inputs[2] == 1 + 5  # of two levels, of four and missing, of one


def test_many_number_columns_are_spread_the_same_way_as_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    numbers, categories = some_rows()
    codes = Codes.fit(numbers, categories, 6, 6)
    cells, positions = codes.knots.cells(numbers), codes.positions(categories)
    one = codes.wide(cells, positions)
    monkeypatch.setattr("deeplode.nets.codes.FEW_COLUMNS", 0)
    assert torch.equal(one, codes.wide(cells, positions))


@pytest.mark.parametrize("hidden", [(8, 6), (7,), ()])
def test_folded_gives_the_ensembles_scores(hidden: tuple[int, ...]) -> None:
    net = some_ensemble(hidden)
    numbers, categories = some_rows()
    numbers[5] = torch.tensor([1e30, -1e30, 0.5, 5.0])
    with torch.no_grad():
        folded = Folded(net).scores(numbers, categories)
    assert folded.shape == (3, 200, 3)
    torch.testing.assert_close(folded, through_ensemble(net, numbers, categories))


def test_folded_with_embeddings_outside_the_table_gives_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net = some_ensemble()
    numbers, categories = some_rows()
    categories[0] = 0
    with torch.no_grad():
        whole = Folded(net)
        monkeypatch.setattr("deeplode.nets.folded.MOST_FOLDED", 0)
        apart = Folded(net)
        assert (whole.whole, apart.whole) == (True, False)
        one, other = (f.scores(numbers, categories) for f in (whole, apart))
    torch.testing.assert_close(one, other)


def test_an_unseen_level_counts_as_the_mean_level() -> None:
    net = some_ensemble(hidden=())  # linear, so that the mean of scores is the score of the mean
    numbers, categories = some_rows()
    for column, unseen in ((0, 0), (1, 0), (2, 0), (2, 999)):
        one, every = numbers[:1].expand(200, -1), categories[:1].repeat(200, 1)
        every[:, column] = categories[:, column]
        strange = every[:1].clone()
        strange[0, column] = unseen
        with torch.no_grad():
            folded = Folded(net)
            mean = folded.scores(one, every).mean(1)
            got = folded.scores(numbers[:1], strange)[:, 0]
        torch.testing.assert_close(got, mean, rtol=1e-4, atol=1e-4)


def test_a_row_scores_the_same_alone_and_among_others() -> None:
    net = some_ensemble()
    numbers, categories = some_rows()
    with torch.no_grad():
        folded = Folded(net)
        together = folded.scores(numbers, categories)
        alone = torch.cat(
            [folded.scores(numbers[i : i + 1], categories[i : i + 1]) for i in range(9)], 1
        )
    torch.testing.assert_close(alone, together[:, :9])


def test_a_new_member_gives_the_trivial_answer() -> None:
    codes = Codes.fit(*some_rows(), quantiles=6, frequent=6)
    prior = torch.tensor([0.5, -1.0])
    net = Ensemble(NetShape((8,), "relu", 2, 3), codes, prior, random())
    assert torch.equal(through_ensemble(net, *some_rows()), prior.expand(3, 200, 2))


def test_members_do_not_touch_each_other() -> None:
    net = some_ensemble()
    numbers, categories = some_rows()
    before = through_ensemble(net, numbers, categories)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter[1] += 1.0
    after = through_ensemble(net, numbers, categories)
    assert torch.equal(before[[0, 2]], after[[0, 2]])
    assert not torch.equal(before[1], after[1])


def test_a_net_without_categories_or_without_numbers_works() -> None:
    numbers, categories = some_rows()
    for some in ((numbers, categories[:, :0]), (numbers[:, :0], categories)):
        codes = Codes.fit(*some, quantiles=6, frequent=6)
        net = Ensemble(NetShape((8,), "relu", 1, 2), codes, torch.zeros(1), random())
        with torch.no_grad():
            net.weights[-1].normal_(generator=random())
            folded = Folded(net).scores(*some)
        torch.testing.assert_close(folded, through_ensemble(net, *some))


def test_dropout_keeps_the_mean_and_drops_its_share() -> None:
    pool = MaskPool(0.25, 1, 50_000, random())
    pool.refill(1)
    masks = pool.step(0)
    assert masks
    mask = masks.layer(0, torch.Size((1, 5, 10_000)))
    assert float((mask == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(mask.mean()) == pytest.approx(1.0, abs=0.02)


def test_each_member_has_its_own_part_of_a_mask() -> None:
    pool = MaskPool(0.5, 2, 3 * 7 * 5, random())
    pool.refill(4)
    masks = pool.step(3)
    assert masks
    whole = masks.layer(1, torch.Size((3, 7, 5)))
    assert torch.equal(masks.of(1).layer(1, torch.Size((2, 7, 5))), whole[1:])


def test_no_dropout_needs_no_masks() -> None:
    pool = MaskPool(0.0, 1, 12, random())
    pool.refill(1)
    assert pool.step(0) is None


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_the_backward_pass_by_hand_agrees_with_autograd(activation: str, rate: float) -> None:
    whole = some_ensemble(activation=activation)
    cells, positions = whole.codes.ready(*some_rows())
    index = torch.randint(200, (3, 20), generator=random())
    inputs = cells[index], positions[index]
    pool = MaskPool(rate, 2, 3 * 20 * 8, random())
    pool.refill(2)
    part = whole.share(slice(1, 3))
    masks = pool.step(1)
    way = part.passes(20)
    scores = way.forward(tuple(one[1:3] for one in inputs), masks and masks.of(1))
    way.backward(scores.clone())  # of half the sum of squares

    first, bias = whole.first_layer()
    hidden = torch.baddbmm(bias, whole.codes.wide(*inputs), first[:, : whole.dense])
    looked_up = whole.look_up(positions[index][..., len(whole.codes.few) :])
    hidden = torch.baddbmm(hidden, looked_up, first[:, whole.dense :])
    for layer, (weight, bias) in enumerate(zip(whole.weights[1:], whole.biases[1:], strict=True)):
        hidden = whole.activate(hidden, layer)
        hidden = hidden if masks is None else hidden * masks.layer(layer, hidden.shape)
        hidden = torch.baddbmm(bias, hidden, weight)
    torch.testing.assert_close(scores, hidden[1:3].detach())
    (hidden**2).sum().div(2).backward()
    for one, other in zip(part.parameters(), whole.parameters(), strict=True):
        assert other.grad is not None
        torch.testing.assert_close(one.grad, other.grad[1:3])


def test_training_a_share_trains_the_whole() -> None:
    net = some_ensemble()
    with torch.no_grad():
        next(net.share(slice(2, 3)).parameters()).fill_(7.0)
    first = next(net.parameters())
    assert (first[2] == 7).all()
    assert not (first[:2] == 7).any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden": (0,)},
        {"hidden": (100_000,)},
        {"members": 1000},
        {"outputs": 0},
        {"activation": "swoosh"},
        {"hidden": (8.5,)},
    ],
)
def test_a_shape_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    good = {"hidden": (8,), "activation": "relu", "outputs": 1, "members": 2}
    assert NetShape.from_json(good).to_json() == good
    with pytest.raises(ValueError, match=r"net|size|activation"):
        NetShape.from_json(good | wrong)
