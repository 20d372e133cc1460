from datetime import UTC, datetime

import pytest
from django.template import Context, Template
from django.utils import timezone

from marketplace.jinja import environment
from marketplace.templatetags.market import cents, count


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (0, "$0.00"),
        (5, "$0.05"),
        (165, "$1.65"),
        (123456, "$1,234.56"),
        (-28400, "\N{MINUS SIGN}$284.00"),
        (-1, "\N{MINUS SIGN}$0.01"),
    ],
)
def test_money_is_written_in_dollars_with_two_decimals(amount, written):
    assert cents(amount) == written


@pytest.mark.parametrize(
    ("number", "written"), [(0, "0"), (1, "<5"), (4, "<5"), (5, "5"), (1234, "1,234"), (10_000_000, "10,000,000")]
)
def test_a_count_under_five_does_not_say_how_few(number, written):
    assert count(number) == written


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        ("/standing-orders/", ' aria-current="page"'),
        ("/standing-orders/7/", ' aria-current="true"'),
        ("/orders/", " "),
        ("/", " "),
    ],
)
def test_a_link_to_where_the_reader_is_is_marked(rf, path, marked):
    link = Template('{% load market %}<a {% current "/standing-orders/" %}>').render(Context({"request": rf.get(path)}))

    assert link == f"<a{marked}>"


def test_the_front_page_is_not_the_start_of_every_page(rf):
    link = Template('{% load market %}{% current "/" %}')

    assert link.render(Context({"request": rf.get("/orders/")})) == ""
    assert link.render(Context({"request": rf.get("/")})) == 'aria-current="page"'


def test_a_cell_drawn_once_is_drawn_anew_for_other_words():
    cells = environment(autoescape=True).from_string("{% macro said(text) %}<b>{{ text }}</b>{% endmacro %}").module
    once = environment().globals["once"]

    assert once(cells.said, "A & B") == "<b>A &amp; B</b>"
    assert once(cells.said, "C") == "<b>C</b>"


def drawn(text, **context):
    return Template("{% load market %}" + text).render(Context(context))


@pytest.mark.parametrize(
    ("style", "exact", "written"),
    [
        ("", "2026-11-22T15:05:00+00:00", "Nov 22, 2026, 3:05 p.m. UTC"),
        (' "g:i a"', "2026-11-22T15:05:00+00:00", "3:05 p.m. UTC"),
        # A lead's page shows the day only, before the sale: neither does its markup tell the second
        (' "M j, Y"', "2026-11-22", "Nov 22, 2026"),
    ],
)
def test_an_instant_names_its_zone_where_it_says_a_time_of_day_and_tells_no_more_than_it_shows(style, exact, written):
    at = datetime(2026, 11, 22, 15, 5, tzinfo=UTC)

    assert drawn("{% instant at" + style + " %}", at=at) == f'<time datetime="{exact}">{written}</time>'
    assert drawn("{% instant at %}", at=None) == ""


def test_an_instant_is_told_by_the_readers_clock():
    at = datetime(2026, 11, 22, 15, 5, tzinfo=UTC)

    with timezone.override("America/New_York"):
        assert "10:05 a.m. EST" in drawn("{% instant at %}", at=at)


def test_a_table_and_an_empty_page_keep_their_content_and_escape_their_titles():
    table = drawn("{% table title 'lines' %}<tr><td>{{ cell }}</td></tr>{% endtable %}", title="A & B", cell="<x>")
    nothing = drawn("{% empty title %}<p>Buy some.</p>{% endempty %}", title="No <leads>")

    assert 'aria-label="A &amp; B, scrolls sideways"' in table
    assert '<table class="table lines"><tr><td>&lt;x&gt;</td></tr></table>' in table
    assert '<h2 id="nothing-yet">No &lt;leads&gt;</h2>' in nothing
    assert "<p>Buy some.</p>" in nothing
