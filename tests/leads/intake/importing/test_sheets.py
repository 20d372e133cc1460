import io
import resource
import zipfile
from datetime import datetime

import pytest

from leads.intake.importing import sheet as sheets
from leads.intake.importing.converting import SheetRefused
from leads.intake.importing.sheet import SheetFormat, open_sheet, recognise, survey
from leads.intake.importing.workbook import WorkbookRefused, check_package
from tests.leads.intake.importing.files import as_csv, as_xlsx

ROWS = [
    {"Name": "José", "City": "Cañon City", "Note": 'says "hi",\nthen goes'},
    {"Name": "Ann", "City": "", "Note": "x"},
]
READ = [["José", "Cañon City", 'says "hi",\nthen goes'], ["Ann", "", "x"]]


def read(data):
    file = io.BytesIO(data)
    form = recognise(file)
    with open_sheet(file, form) as sheet:
        return sheet.headers, list(sheet.rows)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_a_csv_is_read_whatever_its_delimiter_and_encoding(delimiter, encoding):
    assert read(as_csv(ROWS, delimiter=delimiter, encoding=encoding)) == (["Name", "City", "Note"], READ)


def test_a_delimiter_inside_the_cells_misleads_nobody():
    data = b"Name;Amount;Note\nAnn;1,5;a,b,c\nBob;2,5;d,e,f\n"
    assert read(data) == (["Name", "Amount", "Note"], [["Ann", "1,5", "a,b,c"], ["Bob", "2,5", "d,e,f"]])


def test_a_character_that_is_not_utf8_far_down_the_file_is_read():
    data = b"Name\n" + b"Ann\n" * 200_000 + "José\n".encode("cp1252")
    assert read(data)[1][-1] == ["José"]


def test_blank_lines_and_nul_bytes_are_left_out():
    assert read(b"\n\nName,City\n\n , \nAnn\x00,Rome\n\n") == (["Name", "City"], [["Ann", "Rome"]])


def test_columns_without_a_name_or_with_the_same_get_one_of_their_own():
    headers, _ = read(b"Phone,,Phone,\xef\xbb\xbfphone \nx,y,z,w\n")
    assert headers == ["Phone", "Column 2", "Phone (2)", "phone"]


def test_a_workbook_is_read_by_its_first_sheet():
    asked = datetime(2026, 10, 8, 7, 28, 7)
    headers, rows = read(as_xlsx([{"Name": "José", "Zip": 8825, "Rate": 7.25, "Asked": asked, "Own": True}]))

    assert headers == ["Name", "Zip", "Rate", "Asked", "Own"]
    assert rows == [["José", "8825", "7.25", "2026-10-08 07:28:07", "yes"]]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is empty."),
        (b" \n\n", "The file is empty."),
        (
            b"\xd0\xcf\x11\xe0rest",
            "This is an old (.xls) or locked workbook. Save it as .xlsx or CSV and upload that.",
        ),
        (bytes(range(1, 32)) * 100, "This is not a CSV or XLSX file. Upload one of those."),
        (b"PK\x03\x04 and then rubbish", "The file is damaged."),
        (
            b'a,b\n1,"' + b"x" * 200_000,
            "We cannot read the file after row 1: a quotation mark is not closed, or a cell is too long.",
        ),
        (b"x," * 400 + b"x\n1\n", "The file has 401 columns. The limit is 400."),
    ],
)
def test_what_is_no_sheet_is_refused_with_a_sentence(data, sentence):
    with pytest.raises(SheetRefused) as caught:
        read(data)
    assert str(caught.value) == sentence


def test_a_line_longer_than_any_is_refused(monkeypatch):
    monkeypatch.setattr(sheets, "LONGEST_LINE", 1000)
    with pytest.raises(SheetRefused, match="A line of the file is too long. Check that it is a CSV file."):
        read(b"a,b\n" + b"x" * 2000)


def test_too_many_rows_are_refused(monkeypatch):
    monkeypatch.setattr(sheets, "MOST_ROWS", 2)
    file = io.BytesIO(b"a\n1\n2\n3\n")
    with (
        open_sheet(file, SheetFormat()) as sheet,
        pytest.raises(SheetRefused, match="The file has 3 rows. The limit is 2"),
    ):
        survey(sheet)


def test_the_survey_counts_rows_and_shows_three_values_of_each_column():
    file = io.BytesIO(as_csv([{"a": n, "b": "", "c": "y" * 100} for n in range(60)]))
    with open_sheet(file, SheetFormat()) as sheet:
        found = survey(sheet)
    assert (found.rows, found.samples) == (60, {"a": ["0", "1", "2"], "b": [], "c": ["y" * 60] * 3})


def packed(parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_a_zip_bomb_is_refused_before_it_is_unpacked():
    bomb = packed({"xl/workbook.xml": b"<x/>", "xl/worksheets/sheet1.xml": b"\0" * 30_000_000})
    assert len(bomb) < 100_000

    with pytest.raises(SheetRefused, match="unpacks to far more data than we accept"):
        read(bomb)


def test_a_zip_that_is_no_workbook_is_refused():
    with pytest.raises(SheetRefused, match="This is a zip archive, not an XLSX workbook"):
        read(packed({"readme.txt": b"hello"}))


def test_a_workbook_without_a_readable_sheet_is_refused():
    with pytest.raises(SheetRefused, match="We cannot read any sheet in it"):
        read(packed({"xl/workbook.xml": b"<not-closed"}))


def test_a_package_of_too_many_parts_is_refused():
    with pytest.raises(WorkbookRefused):
        check_package(packed({"xl/workbook.xml": b"<x/>", **{f"p{n}": b"" for n in range(2_001)}}))


def test_a_workbook_is_parsed_in_a_process_of_its_own():
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
    read(as_xlsx([{"a": 1}]))
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt > before


def test_a_parser_that_hangs_or_eats_memory_is_stopped(monkeypatch, tmp_path):
    program = tmp_path / "hungry.py"
    program.write_text(
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (10**8, 10**8))\nx = bytearray(10**9)\n"
    )
    monkeypatch.setattr("leads.intake.importing.converting.PROGRAM", program)

    with pytest.raises(SheetRefused, match="damaged or too large to read"):
        read(as_xlsx([{"a": 1}]))
