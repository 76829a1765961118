"""Columns of paths to images or sounds."""

from __future__ import annotations

from deeplode.data.column import Column, Kind
from deeplode.data.facts import Facts
from deeplode.messages import Notice

ENDINGS = {
    Kind.IMAGE: r"(?i)\.(png|jpe?g|gif|bmp|tiff?|webp|dcm)$",
    Kind.AUDIO: r"(?i)\.(wav|mp3|flac|ogg|m4a|aac|wma|opus)$",
}
READABLE = 0.95


def recognise(facts: Facts) -> Column | None:
    """Texts nearly all of which end as names of image files do, or of sound files."""
    if facts.sample is None or not len(facts.sample):
        return None
    for kind, ending in ENDINGS.items():
        if float(facts.sample.str.strip_chars().str.contains(ending).mean()) >= READABLE:  # type: ignore[arg-type]
            reason = Notice("KIND-PATHS", facts.name, {"kind": str(kind)})
            return Column(facts.name, kind, reason, facts.share_missing, facts.distinct, used=False)
    return None
