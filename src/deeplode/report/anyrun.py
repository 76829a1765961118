"""The page of a run, whichever verb it was."""

from __future__ import annotations

from deeplode.report import compare, page
from deeplode.report.summary import Facts


def render(facts: Facts, language: str) -> str:
    """The whole page as HTML text. facts: the content of result.json."""
    render_page = compare.render if facts.get("verb") == "compare" else page.render
    return render_page(facts, language)
