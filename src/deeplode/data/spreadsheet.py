"""Excel workbooks, one sheet at a time."""

from __future__ import annotations

import difflib
import io
import zipfile
from pathlib import Path

import polars as pl
import psutil

from deeplode.data.cells import settle
from deeplode.data.content import BOMB_RATIO, BOMB_SIZE, Content
from deeplode.data.names import settle_names
from deeplode.data.part import Part, blank_notice
from deeplode.errors import DataError
from deeplode.messages import Notice

_OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0"
_SEARCHED = 200  # rows at the top in which the header is looked for


def read_xlsx(content: Content, sheet: str | None, header: bool = True, every: int = 1) -> Part:
    """Read one sheet of a workbook: the one of this name, or the first.

    The header is the first row with anything in it. Raises DataError for a workbook that is
    locked, damaged or empty, and for a sheet that is not there.
    """
    _check(content)
    name, others, found, body = _load(content, sheet, header)
    frame, notices = _named(body, found, header)
    blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    if blank.any():
        frame = frame.filter(~blank)
        notices.append(blank_notice(blank))
    if not frame.height:
        raise DataError("E-DATA-006", source=f"{content.name} [{name}]", columns=frame.width)
    if sheet is None and others:
        spoken = ", ".join(map(repr, others))
        notices.insert(0, Notice("W-READ-008", values={"sheet": name, "others": spoken}))
    reading = {"format": "xlsx", "sheet": name, "header": header}
    return Part(frame.gather_every(every), frame.height, reading, tuple(notices))


def _load(
    content: Content, sheet: str | None, header: bool
) -> tuple[str, list[str], tuple[object, ...], pl.DataFrame]:
    """The sheet's name, the other sheets, the cells of the header, the rows below it."""
    import fastexcel

    source = str(content.data) if isinstance(content.data, Path) else content.data
    try:
        workbook = fastexcel.read_excel(source)
        name = _sheet(content, workbook.sheet_names, sheet)
        top = workbook.load_sheet(
            name, header_row=None, skip_rows=0, n_rows=_SEARCHED, dtypes="string"
        ).to_polars()
        first = _first_row(top)
        if first is None:
            raise DataError("E-DATA-005", source=f"{content.name} [{name}]")
        body = workbook.load_sheet(
            name,
            header_row=None,
            skip_rows=first + int(header),
            schema_sample_rows=None,
            skip_whitespace_tail_rows=True,
        ).to_polars()
    except fastexcel.FastExcelError as error:
        reason = str(error).splitlines()[0]
        raise DataError("E-DATA-012", source=content.name, format="Excel", reason=reason) from error
    others = [other for other in workbook.sheet_names if other != name]
    return name, others, top.row(first), body


def _check(content: Content) -> None:
    """Refuse what is no workbook, and one that would unpack to more than the machine holds."""
    head = content.head(4)
    if not head:
        raise DataError("E-DATA-005", source=content.name)
    if head == _OLD_OR_LOCKED:
        raise DataError("E-DATA-016", source=content.name)
    file = io.BytesIO(content.data) if isinstance(content.data, bytes) else content.data
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile as error:
        code = "E-DATA-011" if head == b"PK\x03\x04" else "E-DATA-012"
        raise DataError(
            code, source=content.name, format="Excel", reason="not a zip archive"
        ) from error
    bomb = size > BOMB_SIZE and size > BOMB_RATIO * content.size
    if bomb or size > psutil.virtual_memory().available:
        raise DataError("E-DATA-017", source=content.name, packed=content.size, size=size)


def _sheet(content: Content, names: list[str], wanted: str | None) -> str:
    if wanted is None:
        return names[0]
    if wanted not in names:
        near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.3) or names
        raise DataError(
            "E-DATA-022",
            source=content.name,
            value=wanted,
            near=near[0],
            known=", ".join(repr(name) for name in names),
        )
    return wanted


def _first_row(top: pl.DataFrame) -> int | None:
    """Position of the first row that is not empty."""
    if not top.width:
        return None
    filled = top.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    return filled.arg_max() if filled.any() else None


def _named(
    body: pl.DataFrame, found: tuple[object, ...], header: bool
) -> tuple[pl.DataFrame, list[Notice]]:
    """The body under its names, columns without name and cells left out."""
    cells = list(found) if header else [None] * len(found)
    columns = [
        (cell, column)
        for cell, column in zip(cells, body.iter_columns(), strict=True)
        if cell is not None or column.null_count() < len(column)
    ]
    names, notices = settle_names([cell for cell, _ in columns], strip=True)
    if not header:
        notices = []
    settled = []
    for name, (_, column) in zip(names, columns, strict=True):
        values, notice = settle(column) if column.dtype == pl.String else (_whole(column), None)
        settled.append(values.alias(name))
        if notice:
            notices.append(Notice(notice.code, name, notice.values))
    return pl.DataFrame(settled), notices


def _whole(column: pl.Series) -> pl.Series:
    """Excel keeps all numbers as floats; a column of whole ones is meant as such."""
    if column.dtype != pl.Float64 or column.null_count() == len(column):
        return column
    whole = ((column.round() == column) & (column.abs() < 2**53)).all()
    return column.cast(pl.Int64) if whole else column
