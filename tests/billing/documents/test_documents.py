import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO

import pytest
from pypdf import PdfReader

from billing.documents import Document, DocumentLine, Party, render
from billing.documents.lettering import REPLACEMENT, lettered, printable
from billing.documents.sheet import BODY, STRONG, Paper

OPERATOR = Party(
    "Harrow & Pine Lead Exchange LLC",
    ("410 Sycamore Street, Suite 3", "Dayton, OH 45402", "(937) 555-0142", "California data broker no. 000-DEMO"),
)
BUYER = Party("Tamarack Home Lending, Inc.", ("1200 Elm Avenue", "Tamarack, MN 55787", "owner@tamarack.example"))
INVOICE = Document(
    kind_title="Invoice",
    number="INV-2026-000123",
    issued_at=datetime(2026, 11, 22, 15, 4, 5, tzinfo=UTC),
    operator=OPERATOR,
    party=BUYER,
    lines=(
        DocumentLine("Mortgage leads, 31 to 60 days old", 184, 165, 30_360, "California 100, Texas 84"),
        DocumentLine("Solar leads, 91 to 180 days old", 1_250, 35, 43_750),
        DocumentLine("Returned: one disconnected number", None, None, -110),
    ),
    totals=(("Subtotal", 74_000), ("Volume discount, 5%", -3_700), ("Total", 70_300)),
    references=(("Paid by", "Visa ending 4242"), ("Stripe payment", "pi_3PqT8w2eZvKYlo2C1gxY5Abc")),
    notes=("Leads can be returned within 7 days.",),
)


def reader(document):
    return PdfReader(BytesIO(render(document)))


def pages(document):
    return [page.extract_text().splitlines() for page in reader(document).pages]


def numbered(count):
    lines = [DocumentLine(f"Order {number}", None, None, number) for number in range(count)]
    return replace(INVOICE, lines=lines, totals=(("Total", count * (count - 1) // 2),))


def test_every_word_and_cent_can_be_read_from_the_file():
    assert pages(INVOICE) == [
        [
            "Harrow & Pine Lead Exchange LLC",
            "Invoice",
            "Total",
            "$703.00",
            "From",
            "Harrow & Pine Lead Exchange LLC",
            "410 Sycamore Street, Suite 3",
            "Dayton, OH 45402",
            "(937) 555-0142",
            "California data broker no. 000-DEMO",
            "To",
            "Tamarack Home Lending, Inc.",
            "1200 Elm Avenue",
            "Tamarack, MN 55787",
            "owner@tamarack.example",
            "Number INV-2026-000123 Issued November 22, 2026",
            "Paid by Visa ending 4242 Stripe payment pi_3PqT8w2eZvKYlo2C1gxY5Abc",
            "Description Quantity Each Amount, USD",
            "Mortgage leads, 31 to 60 days old 184 $1.65 $303.60",
            "California 100, Texas 84",
            "Solar leads, 91 to 180 days old 1,250 $0.35 $437.50",
            "Returned: one disconnected number −$1.10",
            "Subtotal $740.00",
            "Volume discount, 5% −$37.00",
            "Total $703.00",
            "Leads can be returned within 7 days.",
            "Page 1 of 1 Invoice INV-2026-000123",
        ]
    ]


def test_columns_that_no_line_uses_are_left_out():
    statement = replace(INVOICE, lines=(DocumentLine("Top-up", None, None, 500),), totals=(("Balance", 500),))

    (page,) = pages(statement)

    assert "Description Amount, USD" in page
    assert "Top-up $5.00" in page
    assert "Balance $5.00" in page


def test_the_file_says_what_it_is_and_in_which_language():
    file = reader(INVOICE)

    assert file.metadata.title == "Invoice INV-2026-000123"
    assert file.metadata.author == "Harrow & Pine Lead Exchange LLC"
    assert file.metadata.creation_date == INVOICE.issued_at
    assert file.trailer["/Root"]["/Lang"] == "en-US"
    assert file.trailer["/Root"]["/ViewerPreferences"]["/DisplayDocTitle"].value is True
    assert [round(float(side)) for side in file.pages[0].mediabox] == [0, 0, 612, 792]


def test_the_day_of_issue_is_that_of_its_own_zone():
    evening = datetime(2026, 11, 30, 20, 0, tzinfo=timezone(-timedelta(hours=8)))

    (page,) = pages(replace(INVOICE, issued_at=evening))

    assert "Number INV-2026-000123 Issued November 30, 2026" in page


def test_the_same_document_is_the_same_file():
    first = render(INVOICE)
    render(replace(INVOICE, party=Party("Zażółć gęślą jaźń")))

    assert render(INVOICE) == first
    assert render(replace(INVOICE, number="INV-2026-000124")) != first


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_same_document_is_the_same_file_in_another_process(seed):
    code = (
        "import hashlib; from tests.billing.documents.test_documents import INVOICE, render;"
        "print(hashlib.sha256(render(INVOICE)).hexdigest())"
    )

    elsewhere = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
    )

    assert elsewhere.stdout.decode().strip() == hashlib.sha256(render(INVOICE)).hexdigest()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"totals": (("Total", 74_001),)}, "The lines add up to 74000 cents, not 74001"),
        ({"totals": (("Subtotal", 74_000), ("Total", 73_999))}, "The rows add up to 74000 cents, not 73999"),
        (
            {"totals": (("Subtotal", 74_000), ("Discount", -1), ("Total", 74_000))},
            "The rows add up to 73999 cents, not 74000",
        ),
        ({"totals": (("Subtotal", 70_300), ("Total", 70_300))}, "The lines add up to 74000 cents, not 70300"),
        ({"totals": ()}, "needs a total"),
        ({"lines": (), "totals": (("Total", 0),)}, "needs at least one line"),
        ({"currency": "EUR"}, "not in EUR"),
        ({"issued_at": datetime(2026, 11, 22)}, "time zone"),
    ],
)
def test_a_document_that_does_not_add_up_cannot_exist(changes, words):
    with pytest.raises(ValueError, match=words):
        replace(INVOICE, **changes)


@pytest.mark.parametrize(
    ("quantity", "unit_cents", "cents"), [(3, 10, 31), (3, 10, -30), (None, 10, 10), (0, 10, 10), (-3, 10, 30)]
)
def test_a_price_each_times_the_quantity_is_the_amount(quantity, unit_cents, cents):
    with pytest.raises(ValueError):
        DocumentLine("Leads", quantity, unit_cents, cents)


@pytest.mark.parametrize(
    "name",
    [
        "Łukasz & Søn",
        "Müller Zürich",
        "Peña “Casa” d’Été – Ñandú…",
        "Škoda Ťažká Őrség Győr İstanbul Ğ ẞ",
        "Nguyễn Thị Hồng",
    ],
)
def test_names_keep_every_letter(name):
    for kind in ({"party": Party(name)}, {"operator": Party(name)}):
        (page,) = pages(replace(INVOICE, **kind))
        assert name in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("株式会社", REPLACEMENT * 4),
        ("Sunny 🏡 Homes", f"Sunny {REPLACEMENT} Homes"),
        ("Ｆｕｌｌ ﬁt №1", "Full fit No1"),
        ("Pen\u0303a", "Peña"),
        ("two\nlines\tand\u00a0more", "two lines and more"),
        ("zero\u200bwidth\ufeff\x00", "zerowidth"),
        ("lone \ud800", f"lone {REPLACEMENT}"),
        ("", ""),
    ],
)
def test_what_the_font_lacks_is_shown_as_lacking(text, shown):
    assert printable(text) == shown


def test_letters_of_no_font_never_stop_a_document():
    strange = "株式会社 \ud800 🏡 {nb} \ue000\ue000\ue000\ue000\ue000 **Ω**\\(("
    shown = "���� � � {nb} ����� **�**\\(("
    document = replace(
        INVOICE,
        kind_title=strange,
        operator=Party(strange, (strange,)),
        party=Party(strange),
        lines=(DocumentLine(strange, None, None, 70_300, strange),),
        totals=((strange, 70_300),),
        references=((strange, strange),),
        notes=(strange,),
    )

    file = reader(document)

    assert file.metadata.author == shown
    assert file.pages[0].extract_text().splitlines().count(shown) >= 5


def test_digits_are_all_equally_wide():
    sheet = Paper(title="")

    with lettered(sheet):
        widths = {voice: {sheet.width_of(digit, voice) for digit in "0123456789"} for voice in (BODY, STRONG)}

    assert [len(each) for each in widths.values()] == [1, 1]


def test_a_long_legal_name_wraps_and_loses_no_word():
    words = [f"Partner{number}" for number in range(60)]

    (page,) = pages(replace(INVOICE, party=Party(" ".join(words))))

    start, end = page.index("To") + 1, page.index("Number INV-2026-000123 Issued November 22, 2026")
    assert " ".join(page[start:end]).split() == words
    assert end - start > 10


def test_a_word_wider_than_its_column_is_broken():
    (page,) = pages(replace(INVOICE, party=Party("W" * 200)))

    start, end = page.index("To") + 1, page.index("Number INV-2026-000123 Issued November 22, 2026")
    assert "".join(page[start:end]) == "W" * 200
    assert end - start > 5


def test_each_line_is_printed_once_under_a_head_on_every_page():
    text = pages(numbered(300))

    rows = [row for page in text for row in page if row.startswith("Order ")]
    assert rows == [f"Order {number} $0.{number:02}" for number in range(100)] + [
        f"Order {number} ${number // 100}.{number % 100:02}" for number in range(100, 300)
    ]
    for number, page in enumerate(text, start=1):
        assert page.count("Description Amount, USD") == 1
        assert page[-1] == f"Page {number} of {len(text)} Invoice INV-2026-000123"
    assert [page[0] for page in text[1:]] == ["Invoice INV-2026-000123, continued"] * (len(text) - 1)


def test_five_thousand_lines_end_with_their_total():
    file = reader(numbered(5_000))

    count = len(file.pages)
    last = file.pages[-1].extract_text().splitlines()
    assert last[-4:] == [
        "Order 4999 $49.99",
        "Total $124,975.00",
        "Leads can be returned within 7 days.",
        "Page 193 of 193 Invoice INV-2026-000123",
    ]
    assert count == 193


def test_a_line_longer_than_a_page_goes_on_over_the_next():
    words = [f"word{number}" for number in range(3_000)]
    document = replace(INVOICE, lines=(DocumentLine(" ".join(words), 1, 74_000, 74_000),))

    text = pages(document)

    printed = [word for page in text for row in page for word in row.split() if word.startswith("word")]
    assert printed == words
    assert len(text) == 11


@pytest.mark.parametrize("count", range(6, 16))
def test_the_totals_stand_together(count):
    lines = [DocumentLine(f"Order {number}", None, None, 100) for number in range(count)]
    totals = (("Subtotal", count * 100), ("Discount", -1), ("Total", count * 100 - 1))

    text = pages(replace(INVOICE, lines=lines, totals=totals))

    (page,) = [page for page in text if f"Subtotal ${count}.00" in page]
    assert "Discount −$0.01" in page
    assert f"Total ${count - 1}.99" in page
