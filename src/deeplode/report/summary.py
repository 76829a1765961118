"""The top of the page: what was asked, the answer in two sentences, the key figures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from deeplode.report import anomalies, clusters, network, recommendations
from deeplode.report.blocks import KeyFigure
from deeplode.report.facts import mapping, number, rows
from deeplode.report.words import Words, plain

Facts = dict[str, Any]

_MAIN_METRICS = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "rmse"}
_SAID_ABOVE = ("V-001",)  # that there is signal: the first sentence shows it
_BESIDE = {
    "binary": ("accuracy", "average_precision"),
    "multiclass": ("macro_f1", "log_loss"),
    "regression": ("r2", "mae"),
}


@dataclass(frozen=True)
class Summary:
    """The page's head."""

    title: str
    subtitle: str
    answer: tuple[str, ...]
    figures: tuple[KeyFigure, ...]
    call: str = ""  # one line that leads to the warnings


def summarize(facts: Facts, words: Words) -> Summary:
    """The head of the page from the content of result.json; absent facts are left out."""
    warned = rows(facts.get("warnings"))
    steps = words("R-ANSWER-STEPS") if facts.get("channels") else ""
    answer = _told(facts, words) or (_learned(facts, words), _paid(facts, words), steps)
    return Summary(
        title=title(facts, words),
        subtitle=_subtitle(facts, words),
        answer=tuple(sentence for sentence in answer if sentence),
        figures=tuple(_key_figures(facts, words)),
        call=words("R-CALL-WARNINGS", count=words.count(len(warned))) if warned else "",
    )


def _told(facts: Facts, words: Words) -> tuple[str, ...]:
    """What was found, as the run judged it, where no score says it; () for other verbs."""
    if network.is_network(facts):
        return tuple(network.answer(facts, words))
    if told := recommendations.answer(facts, words):
        return told
    if facts.get("verb") != "cluster":
        return ()
    return tuple(
        words.sentence(one) for one in rows(mapping(facts.get("verdict")).get("sentences"))
    )


def title(facts: Facts, words: Words) -> str:
    """What was asked, with the target's name where there is one."""
    target = plain(facts.get("target"), 80)
    if target:
        return words("R-TITLE-TARGET", target=target)
    if network.is_network(facts):
        return words("R-NET-PAGE")
    series = facts.get("structure") == "series"
    return words.named("TITLE", "series" if series else facts.get("verb") or "run")


def main_metric(facts: Facts) -> str:
    """The metric that decides: as recorded, else the task's usual one, else the first there is."""
    metrics = mapping(facts.get("metrics"))
    named = facts.get("main_metric")
    usual = _MAIN_METRICS.get(str(facts.get("task")), "")
    for candidate in (named, usual, *metrics):
        if isinstance(candidate, str) and candidate in metrics:
            return candidate
    return str(named or usual)


def chosen(facts: Facts) -> str:
    """The leaderboard's name of the model that the run leaves.

    As recorded, else the blend, else the net, else the last.
    """
    names = [str(entry.get("name")) for entry in rows(facts.get("leaderboard"))]
    for name in (facts.get("answer"), "blend", "net"):
        if name in names:
            return name
    return names[-1] if names else ""


def model_name(name: object, facts: Facts, words: Words) -> str:
    """A leaderboard name in words."""
    if name == "trivial" and facts.get("task") == "regression":
        return words("R-MODEL-TRIVIAL-MEAN")
    if name == "blend" and facts.get("verb") == "recommend":
        return words("R-MODEL-BLEND-RECOMMEND")
    if name == "blend" and "deep" in facts:
        partner = words.named("MODEL", facts.get("partner"))
        return words("R-MODEL-BLEND-GRAPH", partner=partner)
    if name == "blend" and facts.get("partner") == "linear":
        return words("R-MODEL-BLEND-LINEAR")
    return words.named("MODEL", name)


def candidate(facts: Facts, name: str) -> Facts:
    """The leaderboard's entry of that name, {} where it has none."""
    return next((row for row in rows(facts.get("leaderboard")) if row.get("name") == name), {})


def score_of(facts: Facts, name: str, metric: str) -> float | None:
    """A candidate's value of a metric."""
    return number(mapping(mapping(candidate(facts, name).get("metrics")).get(metric)).get("value"))


def meaning(metric: str, value: object, words: Words) -> str:
    """What a metric's value says in plain words; '' for a metric without such a sentence."""
    code = f"R-MEANING-{metric.upper()}"
    if number(value) is None or not words.known(code):
        return ""
    return words(
        code,
        value=words.score(value, metric),
        percent=words.share(value),
        hundred=words.hundred(value),
    )


def _subtitle(facts: Facts, words: Words) -> str:
    source = mapping(facts.get("source"))
    parts = []
    if name := plain(source.get("name"), 1000):
        parts.append(plain(re.split(r"[/\\]", name)[-1] or name, 120))
    if number(source.get("rows")) is not None:
        parts.append(words("R-ROWS", rows=words.count(source.get("rows"))))
    if number(source.get("columns")) is not None:
        parts.append(words("R-COLUMNS", columns=words.count(source.get("columns"))))
    return " · ".join(parts)


def _learned(facts: Facts, words: Words) -> str:
    """How good it is, with its interval, beside the trivial answer and the trees."""
    metric = main_metric(facts)
    entry = mapping(mapping(facts.get("metrics")).get(metric))
    if number(entry.get("value")) is None:
        return ""
    split = mapping(facts.get("split"))
    parts = [_learned_from(facts, split, words)]
    parts.append(
        words(
            "R-ANSWER-SCORE",
            said=_said(metric, entry.get("value"), words),
            metric=words.named("METRIC", metric),
            value=words.score(entry.get("value"), metric),
        )
    )
    if interval := words.interval(entry, metric):
        parts.append(words("R-ANSWER-INTERVAL", interval=interval))
    if number(split.get("test")):
        parts.append(words("R-ANSWER-TEST", test=words.count(split.get("test"))))
    parts.append(_against(facts, metric, entry.get("value"), words))
    return "".join(parts)


def _learned_from(facts: Facts, split: Facts, words: Words) -> str:
    train = number(split.get("train"))
    if not train:
        return words("R-ANSWER-MODEL")
    total = train + (number(split.get("valid")) or 0)
    target = plain(facts.get("target"), 60)
    code = "R-ANSWER-LEARNED-TARGET" if target else "R-ANSWER-LEARNED"
    return words(code, rows=words.count(total), target=target)


def _said(metric: str, value: object, words: Words) -> str:
    code = f"R-SAID-{metric.upper()}"
    return words(code if words.known(code) else "R-SAID", **_values(metric, value, words))


def _values(metric: str, value: object, words: Words) -> dict[str, str]:
    return {
        "metric": words.named("METRIC", metric),
        "value": words.score(value, metric),
        "hundred": words.hundred(value),
    }


def _against(facts: Facts, metric: str, value: object, words: Words) -> str:
    """The same score of the trivial answer and the trees, as far as they were measured."""
    others = []
    for name in ("trivial", "linear" if facts.get("partner") == "linear" else "trees"):
        other = score_of(facts, name, metric)
        if other is not None and name != chosen(facts):
            others.append(
                words(
                    "R-ANSWER-OTHER",
                    model=words(_said_of(name, facts)),
                    value=words.score(other, metric, like=value),
                )
            )
    if not others:
        return words("R-ANSWER-STOP")
    return words("R-ANSWER-AGAINST", others=words("R-AND").join(others))


def _said_of(name: str, facts: Facts) -> str:
    mean = name == "trivial" and facts.get("task") == "regression"
    return f"R-ANSWER-{name.upper()}" + ("-MEAN" if mean else "")


def _paid(facts: Facts, words: Words) -> str:
    """Whether there is signal and whether deep learning paid, as the run judged it."""
    verdict = mapping(facts.get("verdict"))
    for sentence in reversed(rows(verdict.get("sentences"))):
        if sentence.get("code") in _SAID_ABOVE:
            continue
        values = mapping(sentence.get("values"))
        metric = words.named("METRIC", values.get("metric", ""))
        named = {"rival": words.named("MODEL", values["rival"])} if "rival" in values else {}
        told = words.sentence({**sentence, "values": {**values, **named, "metric": metric}})
        if told:
            return told
    return "" if verdict.get("sentences") else plain(verdict.get("text"))


def _key_figures(facts: Facts, words: Words) -> list[KeyFigure]:
    metrics = mapping(facts.get("metrics"))
    main = main_metric(facts)
    wanted = [main, *(name for name in _BESIDE.get(str(facts.get("task")), ()) if name != main)]
    figures = anomalies.key_figures(facts, words) or clusters.key_figures(facts, words)
    figures = figures or network.key_figures(facts, words)
    figures = figures or recommendations.key_figures(facts, words)
    for name in wanted:
        entry = mapping(metrics.get(name))
        if number(entry.get("value")) is not None:
            interval = words.interval(entry, name)
            note = words("R-INTERVAL-95", interval=interval) if interval else ""
            value = words.score(entry["value"], name)
            figures.append(KeyFigure(words.named("METRIC", name), value, note))
    used = [row for row in rows(mapping(facts.get("source")).get("features")) if row.get("used")]
    if used:
        figures.append(KeyFigure(words("R-FEATURES"), words.count(len(used))))
    seconds = mapping(facts.get("limits")).get("seconds")
    if number(seconds) is not None:
        figures.append(KeyFigure(words("R-TIME"), words.seconds(seconds), words("R-TIME-NOTE")))
    return figures[:5]
