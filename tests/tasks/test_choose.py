"""The table of rules and the memory plan."""

from __future__ import annotations

import pytest

from deeplode.encode.batch import Sizes
from deeplode.errors import OptionError
from deeplode.evaluate.problem import Problem
from deeplode.fit.optimizers import OPTIMIZERS
from deeplode.tasks.choose import RATES, RULES, choose, memory, shrink

PROBLEM = Problem("binary", 2)
SIZES = Sizes(10, (4, 40))


def test_what_the_user_gave_stands_and_the_rest_is_chosen() -> None:
    config = choose(1000, SIZES, PROBLEM, {"hidden": (32,), "epochs": 3})
    assert (config.hidden, config.epochs) == ((32,), 3)
    assert config.batch_size == RULES[0].batch_size


def test_a_full_batch_is_all_training_rows() -> None:
    assert choose(1234, SIZES, PROBLEM, {"batch_size": "full"}).batch_size == 1234


def test_a_choice_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(OptionError):
        choose(1000, SIZES, PROBLEM, {"dropout": 2.0})


def test_label_smoothing_of_a_quantity_is_refused() -> None:
    with pytest.raises(OptionError) as caught:
        choose(1000, SIZES, Problem("regression", 1), {"label_smoothing": 0.1})
    assert caught.value.code == "E-OPT-071"
    assert choose(1000, SIZES, PROBLEM, {"label_smoothing": 0.1}).label_smoothing == 0.1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_has_a_learning_rate_of_its_own(name: str) -> None:
    assert choose(1000, SIZES, PROBLEM, {"optimizer": name}).learning_rate == RATES[name]


def test_larger_tables_get_larger_batches_and_fewer_epochs() -> None:
    configs = [choose(rows, SIZES, PROBLEM) for rows in (500, 20_000, 200_000, 2_000_000)]
    batches = [config.batch_size for config in configs]
    epochs = [config.epochs for config in configs]
    assert batches == sorted(batches)
    assert epochs == sorted(epochs, reverse=True)


def test_ten_thousand_columns_do_not_multiply_the_inputs() -> None:
    config = choose(5000, Sizes(10_000, ()), PROBLEM)
    assert config.quantiles + config.frequent <= 2


def test_the_estimate_grows_with_rows_columns_members_and_width() -> None:
    config = choose(50_000, SIZES, PROBLEM)
    base = memory(50_000, SIZES, PROBLEM, config)
    assert memory(500_000, SIZES, PROBLEM, config) > base
    assert memory(50_000, Sizes(100, ()), PROBLEM, config) > base
    for more in ({"members": 8}, {"hidden": (512, 512)}, {"batch_size": 8192}):
        wider = choose(50_000, SIZES, PROBLEM, more)
        assert memory(50_000, SIZES, PROBLEM, wider) > base


def test_half_a_million_rows_of_fifty_columns_need_less_than_two_gigabytes() -> None:
    sizes = Sizes(50, ())
    assert memory(500_000, sizes, PROBLEM, choose(500_000, sizes, PROBLEM)) < 2e9


def test_memory_shrinks_batch_then_members_then_rows() -> None:
    sizes, rows = Sizes(50, ()), 400_000
    config = choose(rows, sizes, PROBLEM, {"members": 4, "batch_size": 16_384})
    need = memory(rows, sizes, PROBLEM, config)
    assert shrink(rows, sizes, PROBLEM, config, need) == (config, rows)
    smaller, kept = shrink(rows, sizes, PROBLEM, config, need - 1)
    assert smaller.batch_size < config.batch_size
    assert (smaller.members, kept) == (4, rows)
    smallest, fewer = shrink(rows, sizes, PROBLEM, config, need // 20)
    assert smallest.members == 1
    assert fewer < rows
    assert memory(fewer, sizes, PROBLEM, smallest) <= need // 20


def test_a_batch_that_is_not_what_takes_the_memory_stays_as_it_is() -> None:
    rows = 200_000
    config = choose(rows, SIZES, PROBLEM)
    smaller, _ = shrink(rows, SIZES, PROBLEM, config, memory(rows, SIZES, PROBLEM, config) // 2)
    assert smaller.batch_size == config.batch_size
    assert smaller.members < config.members


def test_shrinking_ends_where_nothing_is_left_to_shrink() -> None:
    config, rows = shrink(5000, SIZES, PROBLEM, choose(5000, SIZES, PROBLEM), 1)
    assert (config.members, rows) == (1, 1000)


def test_strong_decay_belongs_to_the_optimizer_that_decouples_it() -> None:
    assert choose(1000, SIZES, PROBLEM).weight_decay == 1.0
    assert choose(1000, SIZES, PROBLEM, {"optimizer": "adam"}).weight_decay == 0.0
    assert choose(1000, SIZES, PROBLEM, {"optimizer": "sgd", "l2": 0.01}).l2 == 0.01
