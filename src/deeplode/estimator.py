"""Estimator: what all of deeplode's scikit-learn estimators share once they are fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from deeplode.data.table import Table
from deeplode.messages import language as chosen_language
from deeplode.output import write_text
from deeplode.report.notebook import model_html
from deeplode.report.page import render
from deeplode.runfacts import NOT_IN_CARD
from deeplode.saved import save


class Estimator(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """After ``fit``: ``model_``, ``facts_`` as in result.json; rows that travel with a model file.

    Input may have gaps, texts and categories.
    """

    model_: Any
    facts_: dict[str, Any]
    _probe: Table
    _of_single_rows: ClassVar[tuple[str, ...]] = ()  # facts that stay out of a model file

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write a model file that holds no code.

        Raises OptionError when the path exists (without ``force``) or cannot be written.
        """
        check_is_fitted(self, "model_")
        apart = (*NOT_IN_CARD, *self._of_single_rows)
        card = {name: own for name, own in self.facts_.items() if name not in apart}
        save(path, self.model_, card, self._probe, force=force)

    def report(self, path: str | Path, *, language: str | None = None, force: bool = False) -> None:
        """Write the report of what was learned; scores of ``train`` are of out-of-fold rows.

        Raises OptionError when the path exists (without ``force``) or cannot be written.
        """
        check_is_fitted(self, "model_")
        write_text(path, render(self.facts_, language or chosen_language()), force=force)

    @property
    def leaderboard_(self) -> list[dict[str, Any]]:
        """Every candidate with its seconds and, where there are labels, its scores."""
        check_is_fitted(self, "model_")
        board: list[dict[str, Any]] = self.facts_["leaderboard"]
        return board

    def _repr_html_(self) -> str:
        plain = type(self)().get_params()
        chosen = {
            name: own for name, own in self.get_params().items() if repr(own) != repr(plain[name])
        }
        return model_html(getattr(self, "facts_", None), chosen, type(self).__name__)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags
