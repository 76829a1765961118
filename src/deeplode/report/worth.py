"""What the calls are worth where alarms have a price, or only so many can be looked at."""

from __future__ import annotations

from deeplode.report.blocks import Terms
from deeplode.report.facts import mapping, number
from deeplode.report.words import Words

_NAMED = {
    "saved": "R-DECISION-SAVED",
    "cost": "R-DECISION-COST-ROW",
    "flagged": "R-FLAGGED",
    "recall": "R-RECALL",
    "precision": "R-PRECISION",
}


def worth(facts: dict[str, object], words: Words) -> Terms | None:
    """Cost, savings, recall and precision of the calls on test rows, with intervals."""
    entry = mapping(facts.get("decision"))
    if entry.get("by") not in ("cost", "capacity"):
        return None
    values = {name: words.figure(entry.get(name), 4) for name in ("miss", "alarm", "threshold")}
    said = words(
        f"R-DECISION-{str(entry['by']).upper()}",
        capacity=words.share(entry.get("capacity")),
        **{name: value.rstrip("0").rstrip(".") for name, value in values.items()},
    )
    pairs = [(words("R-DECISION"), said)]
    for name, code in _NAMED.items():
        found = mapping(entry.get(name))
        if number(found.get("value")) is None:
            continue
        write = words.figure if name in ("saved", "cost") else words.share
        told = write(found["value"])
        low, high = write(found.get("low")), write(found.get("high"))
        pairs.append((words(code), f"{told} ({words('R-INTERVAL', low=low, high=high)})"))
    return Terms(tuple(pairs), words("R-DECISION"))
