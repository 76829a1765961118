"""The templates, all text in them escaped."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


@cache
def template(name: str) -> Template:
    """A file of ``report/templates``. Escaping is always on; an absent value is an error."""
    environment = Environment(
        loader=PackageLoader("deeplode.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
