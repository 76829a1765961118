"""Column names that a user may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest(name: str, names: Iterable[str], count: int = 3) -> str:
    """The names most like ``name``, for a sentence: ``'income', 'outcome'``; '—' if there are none.

    Case does not matter. Where nothing is alike the first names stand in.
    """
    known = {other.casefold(): other for other in names}
    alike = difflib.get_close_matches(name.casefold(), known, n=count, cutoff=0.6)
    return ", ".join(repr(known[other]) for other in alike or list(known)[:count]) or "—"
