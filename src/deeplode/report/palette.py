"""Palette: the colours of groups."""

from __future__ import annotations

PALETTE = (  # Okabe and Ito 2008 and lighter ones, told apart by the colour-blind as well
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0),
    (148, 123, 60), (120, 94, 240), (64, 160, 64), (180, 60, 60), (90, 130, 150), (200, 170, 60),
)  # fmt: skip


def colour_of(group: int) -> str:
    """The colour of a group, 0 …, as the page's style sheets write it."""
    return "#{:02x}{:02x}{:02x}".format(*PALETTE[group % len(PALETTE)])
