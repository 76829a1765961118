"""The report: one HTML file without script, made from the content of result.json alone."""

from __future__ import annotations

import os
from pathlib import Path

from deeplode.messages import LANGUAGES
from deeplode.report.anomalies import alarms, detectors, oddness
from deeplode.report.clusters import changes, groups, spaces
from deeplode.report.data import data, findings, remarks
from deeplode.report.events import channels, events
from deeplode.report.learning import importance, training
from deeplode.report.links import links
from deeplode.report.making import making, use
from deeplode.report.media import media
from deeplode.report.moves import moves
from deeplode.report.network import central, communities, homophily, made_of, network
from deeplode.report.recommendations import counted, go_together, reach, recommendations
from deeplode.report.scores import all_scores, errors, leaderboard
from deeplode.report.summary import Facts, summarize
from deeplode.report.targets import targets
from deeplode.report.template import template
from deeplode.report.words import Words

# The page's parts in their order; each is left out where its facts are absent.
SECTIONS = (
    events,
    channels,
    alarms,
    oddness,
    detectors,
    groups,
    moves,
    changes,
    spaces,
    recommendations,
    leaderboard,
    reach,
    go_together,
    targets,
    findings,
    errors,
    importance,
    network,
    communities,
    made_of,
    central,
    homophily,
    links,
    media,
    all_scores,
    training,
    counted,
    data,
    remarks,
    use,
    making,
)
LANG = {"en": "en", "zh": "zh-CN"}


def render(facts: Facts, language: str) -> str:
    """The whole page as HTML text.

    facts: the content of result.json, any key of it may be absent; language: ``en`` or ``zh``.
    Raises ValueError for another language.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r}.")
    words = Words(language)
    sections = [section for part in SECTIONS if (section := part(facts, words)) is not None]
    return template("page.html.j2").render(
        lang=LANG[language],
        brand=words("R-PAGE"),
        summary=summarize(facts, words),
        sections=sections,
        words=words,
    )


def write(facts: Facts, path: Path, language: str) -> None:
    """Write the page to ``path``: first under a temporary name, so that no half page is left.

    Raises OSError when the folder cannot be written to.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_text(render(facts, language), encoding="utf-8", newline="\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
