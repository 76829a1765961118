"""Graph filter: the formula on a case small enough to do by hand."""

from __future__ import annotations

import numpy as np
import pytest

from deeplode.recommenders import propagation
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.propagation import fit_graph_filter
from deeplode.recommenders.scorer import Grounds

# Users had: {0, 1}, {1, 2}; nobody had 3.
TWO = Histories(4, np.array([0, 2, 4]), np.array([0, 1, 1, 2]))
SETTING = {"users": 0.8, "given": 0.75, "wanted": 0.3}


@pytest.mark.parametrize("few", [0, 4096], ids=["many items", "few items"])
def test_interest_spreads_over_users_to_their_items(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propagation, "FEW", few)
    one = fit_graph_filter(TWO, SETTING, Grounds())
    history = Histories(4, np.array([0, 1, 3]), np.array([0, 0, 1]))
    user = 2**-0.8  # each has two items
    middle = 2**-0.75  # item 1 has two users
    first = [user, user * 2**-0.3, 0, 0]
    second = [user * middle, 2 * user * middle * 2**-0.3, user * middle, 0]
    assert one.scores(history)[0] == pytest.approx(first)
    assert one.scores(history)[1] == pytest.approx(np.add(first, second))


def test_what_many_items_are_scored_is_restored_bit_by_bit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(propagation, "FEW", 0)
    one = fit_graph_filter(TWO, SETTING, Grounds())
    again = type(one).restore(one.facts(), one.arrays())
    assert (again.scores(TWO) == one.scores(TWO)).all()
    assert (one.scores(TWO.rows(np.array([1]))) == one.scores(TWO)[1:]).all()


def test_powers_beyond_reason_are_refused() -> None:
    one = fit_graph_filter(TWO, SETTING, Grounds())
    with pytest.raises(ValueError, match="powers"):
        type(one).restore({"setting": {**SETTING, "users": 1e9}}, one.arrays())
