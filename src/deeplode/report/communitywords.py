"""Community words: who leads a community and what sets it apart, in words."""

from __future__ import annotations

from math import exp

from deeplode.report.facts import number, rows
from deeplode.report.words import NOTHING, Words, clip, plain

Facts = dict[str, object]

_HIGHEST = 50.0  # log odds ratio that can be
_APART = 6  # words of one community


def leaders(one: Facts) -> str:
    """The names of those who lead a community."""
    return ", ".join(clip(leader.get("name"), 28) for leader in rows(one.get("leaders"))[:3])


def apart(one: Facts, words: Words) -> str:
    """What sets a community apart; of words how many times the odds of the others theirs are."""
    found = []
    for own in rows(one.get("apart"))[:_APART]:
        text, weight = plain(own.get("text"), 90), number(own.get("weight"))
        if weight is not None and weight < _HIGHEST:
            text = words("D-NET-WORD", text=text, odds=words.figure(exp(weight), 1))
        found.append(text)
    return words("D-NET-JOIN").join(found) if found else NOTHING
