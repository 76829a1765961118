"""Encodings: found in text of several languages, settable, and faults named by their line."""

from __future__ import annotations

import pytest

from deeplode.data.read import read
from deeplode.errors import DataError, OptionError

CHINESE = (
    "客户编号,城市,是否流失,年龄\n一〇一,北京,是,34\n一〇二,广州,否,28\n一〇三,乌鲁木齐,是,41\n"
)
TAIWANESE = "客戶編號,城市,是否流失,年齡\n一〇一,臺北,是,34\n一〇二,高雄,否,28\n一〇三,新竹,是,41\n"
JAPANESE = "顧客番号,都市,性別,年齢\nさくら,東京,女,34\nタロウ,大阪,男,28\nひろし,横浜,男,41\n"
KOREAN = (
    "고객번호,도시,이탈여부,나이\n가나다,서울,예,34\n라마바,부산,아니오,28\n사아자,대구,예,41\n"
)
WESTERN = (
    "prénom,größe,año,café\nHélène,groß,España,34\nFrançois,klein,Málaga,28\nJürgen,groß,Köln,41\n"
)
EURO = "naïve,prix\n“quoted” – text,5 €\nl’été,6 €\n"

CASES = [
    (CHINESE, "gb18030", "gb18030"),
    (CHINESE.replace("〇", "零"), "gbk", "gb18030"),
    (CHINESE.replace("〇", "零"), "gb2312", "gb18030"),
    (TAIWANESE.replace("〇", "零"), "big5", "big5"),
    (JAPANESE, "shift_jis", "shift-jis"),
    (JAPANESE, "cp932", "shift-jis"),
    (JAPANESE, "euc_jp", "euc-jp"),
    (KOREAN, "euc_kr", "euc-kr"),
    (KOREAN, "cp949", "euc-kr"),
    (WESTERN, "latin-1", "windows-1252"),
    (EURO, "cp1252", "windows-1252"),
]
LANGUAGES = {
    "chinese": CHINESE,
    "taiwanese": TAIWANESE,
    "japanese": JAPANESE,
    "korean": KOREAN,
    "western": WESTERN,
    "ascii": "a,b\n1,x\n2,y\n",
}
UNICODE = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]


def cells(text: str) -> list[list[str]]:
    return [line.split(",") for line in text.splitlines()]


@pytest.mark.parametrize(("text", "codec", "name"), CASES, ids=[case[1] for case in CASES])
def test_each_regional_encoding_is_found_and_names_and_cells_come_back(tmp_path, text, codec, name):
    path = tmp_path / "data.csv"
    path.write_bytes(text.encode(codec))
    table = read(path)
    header, *rows = cells(text)
    assert table.names == header
    assert [[str(cell) for cell in row] for row in table.frame.rows()] == rows
    assert table.reading["encoding"] == name
    assert not table.notices


@pytest.mark.parametrize("codec", UNICODE)
@pytest.mark.parametrize("text", LANGUAGES.values(), ids=LANGUAGES)
def test_each_form_of_unicode_is_found(tmp_path, text, codec):
    if codec in ("utf-16", "utf-32"):
        codec += "-le"  # a file has its mark in front on every machine
        data = ("\ufeff" + text).encode(codec)
    else:
        data = text.encode(codec)
    path = tmp_path / "data.csv"
    path.write_bytes(data)
    table = read(path)
    assert table.names == cells(text)[0]
    assert [[str(cell) for cell in row] for row in table.frame.rows()] == cells(text)[1:]
    assert not table.notices


@pytest.mark.parametrize(
    ("text", "codec"), [(CHINESE, "gb18030"), (WESTERN, "latin-1")], ids=["chinese", "western"]
)
def test_other_bytes_only_far_down_are_found_too(tmp_path, text, codec):
    path = tmp_path / "data.csv"
    path.write_bytes(b"name,city,left,age\n" + b"Ann,Rome,no,3\n" * 100_000 + text.encode(codec))
    table = read(path)
    assert table.frame.row(-1) == tuple(cells(text)[-1])


def test_an_encoding_of_none_of_these_languages_comes_with_a_warning(tmp_path):
    path = tmp_path / "data.csv"
    text = "город,возраст\nМосква,34\nСанкт-Петербург,28\nНижний Новгород,41\n" * 3
    path.write_bytes(text.encode("cp1251"))
    table = read(path)
    assert table.names == ["город", "возраст"]
    assert table.notices[0].code == "W-READ-010"


def test_encoding_can_be_set_and_wins_over_the_guess(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes("a,b\né,1\n".encode("latin-1"))
    assert read(path, encoding="cp1251").frame["a"].to_list() == ["й"]


def test_bytes_without_meaning_in_the_encoding_set_are_named_by_line_and_offset(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes(b"a,b\nx,1\ny\xff,2\n")
    with pytest.raises(DataError) as caught:
        read(path, encoding="euc-kr")
    error = caught.value
    assert error.code == "E-DATA-015"
    assert (error.values["row"], error.values["offset"]) == (3, 9)
    assert str(path) in str(error)
    assert "euc-kr" in str(error)


def test_damaged_utf8_is_an_error_and_no_other_encoding(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes(CHINESE.encode() + b"x,\xff,y,1\n" + CHINESE.encode())
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.code == "E-DATA-015"
    assert caught.value.values["row"] == 5


def test_an_unknown_encoding_is_refused_with_the_nearest_one():
    with pytest.raises(OptionError, match="Did you mean utf-8") as caught:
        read("demo:wine", encoding="uft8")
    assert caught.value.code == "E-DATA-027"
