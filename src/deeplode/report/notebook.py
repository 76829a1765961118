"""What a notebook shows for a model: a few lines of HTML without script or outside style."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deeplode.messages import language as chosen_language
from deeplode.report.facts import mapping, rows
from deeplode.report.summary import Facts, chosen, main_metric, model_name, summarize
from deeplode.report.template import template
from deeplode.report.words import Words, plain

_OPTIONS = 30
_CANDIDATES = 12


def model_html(facts: Facts | None, parameters: Mapping[str, Any], name: str = "deeplode") -> str:
    """The answer and the leaderboard of a fitted model, or the options of one not fitted yet.

    facts: content of result.json, None before fitting; parameters: those set to other than
    their defaults; name: of the estimator. In the language chosen for all messages.
    """
    words = Words(chosen_language())
    options = [(plain(key, 60), plain(repr(value), 80)) for key, value in parameters.items()]
    return template("notebook.html.j2").render(
        name=plain(name, 60),
        options=options[:_OPTIONS],
        fitted=facts is not None,
        answer=summarize(facts, words).answer if facts else (),
        metric=words.named("METRIC", main_metric(facts)) if facts else "",
        candidates=_candidates(facts, words) if facts else [],
        words=words,
    )


def _candidates(facts: Facts, words: Words) -> list[dict[str, Any]]:
    metric, best = main_metric(facts), chosen(facts)
    told = []
    for row in rows(facts.get("leaderboard"))[:_CANDIDATES]:
        entry = mapping(mapping(row.get("metrics")).get(metric))
        told.append(
            {
                "name": model_name(row.get("name"), facts, words),
                "score": words.score(entry.get("value"), metric),
                "interval": words.interval(entry, metric),
                "fit": words.seconds(row.get("fit_seconds")),
                "chosen": row.get("name") == best,
            }
        )
    return told
