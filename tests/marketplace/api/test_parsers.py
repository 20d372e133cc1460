"""JSON as strictly as money wants it."""

import pytest
from rest_framework.exceptions import ParseError

from marketplace.api.parsers import DEEPEST, MOST_BYTES, read_object

pytestmark = pytest.mark.django_db


def nested(levels):
    return b'{"a":' * levels + b"1" + b"}" * levels


BROKEN = [
    b"{",
    b"",
    b"null",
    b"[]",
    b"[{}]",
    b'"text"',
    b"1",
    b"{'a': 1}",
    b'{"a": 1,}',
    b'{"a": 1} {"b": 2}',
    b'{"a": 1, "a": 2}',
    b'{"a": {"b": 1, "b": 1}}',
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": -Infinity}',
    b'{"a": 1e400}',
    b'{"a": ' + b"9" * 16 + b"}",
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"a": "\xff"}',
    b'{"a": "\xed\xa0\x80"}',
    b'{"a": "\\ud800"}',
    b'{"\\udfff": 1}',
    b'{"a": "\\u0000"}',
    b'{"\\u0000": 1}',
    b'{"a": "\n"}',
    b'\xef\xbb\xbf{"a": 1}',
    '{"a": 1}'.encode("utf-16"),
    nested(DEEPEST + 2),
    nested(30_000),
    b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"a":' + b"[" * 100_000,
    b'"' * 100_000,
]


@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
def test_what_is_not_plain_json_is_refused(body):
    with pytest.raises(ParseError) as refusal:
        read_object(body)

    assert len(str(refusal.value.detail)) < 80


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{}", {}),
        (b' {"a": [1, 2.5, true, null, "\xc3\xa9", "\\ud83d\\ude00"]} ', {"a": [1, 2.5, True, None, "é", "😀"]}),
        (b'{"a": 999999999999999}', {"a": 999_999_999_999_999}),
        (nested(2), {"a": {"a": 1}}),
    ],
)
def test_plain_json_is_taken(body, said):
    assert read_object(body) == said


def test_twenty_levels_are_the_deepest():
    assert read_object(nested(DEEPEST))


@pytest.mark.parametrize("body", [b"[]", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff", b"{"])
def test_a_broken_body_is_a_400(api, body):
    answer = api.post("quotes/", body)

    assert (answer.status_code, answer.json()["code"], answer.json()["fields"]) == (400, "parse_error", {})


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/merge-patch+json",
        "",
    ],
)
def test_only_json_is_read(api, content_type):
    answer = api.post("quotes/", {"vertical": "mortgage"}, content_type)

    assert answer.status_code == 415
    assert answer.json() == {
        "code": "unsupported_media_type",
        "message": "Send JSON, with “Content-Type: application/json”.",
        "fields": {},
    }


def test_json_may_say_its_charset(api):
    answer = api.post("quotes/", {"leads": ["x"]}, "application/json; charset=utf-8")

    assert answer.json()["fields"] == {"leads": ["Each lead must be a lead id (a UUID)."]}


def test_a_large_body_is_refused(api):
    most = b'{"leads": "' + b"x" * (MOST_BYTES - 13) + b'"}'
    assert len(most) == MOST_BYTES

    assert api.post("quotes/", most).status_code == 400
    answer = api.post("quotes/", most + b" ")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
