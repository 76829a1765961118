"""The page of ``compare``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def render(facts: Mapping[str, Any], language: str) -> str:
    """The whole page as HTML text."""
    return f"<!doctype html><html lang={language}>{facts['verdict']['text']}"
