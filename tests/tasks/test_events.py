"""Alarms that begin, last and end."""

from __future__ import annotations

import numpy as np

from deeplode.tasks.events import events, numbered


def found(scores: list[float], begins: tuple[int, ...] = (0,), window: int = 8):
    starts = np.zeros(len(scores), np.bool_)
    starts[list(begins)] = True
    return events(np.array(scores), starts, high=3.0, low=2.0, window=window)


def test_a_score_that_flickers_around_the_threshold_is_one_event():
    flicker = [0.0] * 10 + [3.1, 2.5, 3.2, 1.9, 2.9, 3.3, 2.1] + [0.0] * 10
    assert [(one.raised, one.last) for one in found(flicker)] == [(10, 16)]


def test_start_and_end_are_dated_half_a_window_back():
    (one,) = found([0.0] * 20 + [4.0] * 12 + [0.0] * 20)
    assert (one.raised, one.last, one.start, one.end) == (20, 31, 16, 27)


def test_an_event_ends_where_its_series_does_and_never_reaches_into_another():
    scores = [0.0] * 9 + [4.0] * 3 + [4.0] * 2 + [0.0] * 10
    one, two = found(scores, begins=(0, 12))
    assert (one.last, one.end) == (11, 11)
    assert (two.raised, two.start) == (12, 12)


def test_events_do_not_overlap_and_are_numbered_in_order():
    scores = [0.0] * 8 + [4.0] + [0.0] * 3 + [4.0] * 3 + [0.0] * 9
    many = found(scores)
    assert len(many) == 2
    assert many[0].end < many[1].start
    number = numbered(many, len(scores))
    assert set(number.tolist()) == {0, 1, 2}
    assert (np.diff(number[number > 0]) >= 0).all()


def test_scores_that_stay_low_make_no_event():
    assert found([2.9] * 50) == []
