"""The control port: actions for tests, a page of forms for people, for this machine only."""

import time

import pytest
import requests

from stripe_stand_in import Refused


def test_unknown_verbs_arguments_and_things_are_refused(control):
    for act, status in (
        (lambda: control.print_money(amount=5), 404),
        (lambda: control.refund(paiment="pi_x"), 400),
        (lambda: control.refund(payment="pi_x"), 404),
        (lambda: control.mishap(kind="slow", path="*", times=0), 400),
        (lambda: control.mishap(kind="earthquake", path="*"), 400),
        (lambda: control.mishap(kind="die", path="*"), 400),
    ):
        with pytest.raises(Refused) as refusal:
            act()
        assert refusal.value.status == status

    assert control.state()["mishaps"] == []


def test_slowness_strikes_its_path_until_cleared(stripe_, control):
    control.mishap(kind="slow", path="GET /v1/balance*", times=None, seconds=0.1)

    def seconds(act):
        begun = time.monotonic()
        act()
        return time.monotonic() - begun

    assert seconds(stripe_.balance.retrieve) >= 0.1
    assert seconds(stripe_.balance_transactions.list) >= 0.1
    assert seconds(stripe_.refunds.list) < 0.1
    control.clear_mishaps()
    assert seconds(stripe_.balance.retrieve) < 0.1


def test_each_mishap_strikes_as_often_as_it_was_told(stripe_, control):
    control.mishap(kind="fail_before", path="GET /v1/balance", times=2)

    outcomes = []
    for _ in range(3):
        try:
            outcomes.append(stripe_.balance.retrieve().object)
        except Exception as error:
            outcomes.append(error.http_status)

    assert outcomes == [500, 500, "balance"]
    assert control.state()["requests"] == {"GET balance 500": 2, "GET balance 200": 1}


def test_desk_shows_what_there_is_and_acts_by_plain_forms(stand_in, pay, stripe_, browser):
    intent = pay(25_00)
    assert "$24.00" not in browser.get(stand_in.control_url).text
    assert intent.id in browser.get(stand_in.control_url).text

    page = browser.post(f"{stand_in.control_url}/refund", {"payment": intent.id, "dollars": "1.97"})

    assert page.status_code == 200 and "Done: refund re_" in page.text
    assert "$22.00" in page.text
    (refund,) = stripe_.refunds.list().data
    assert refund.amount == 1_97
    for typed in ("plenty", "1.005", "-1", "NaN"):
        said = browser.post(f"{stand_in.control_url}/refund", {"payment": intent.id, "dollars": typed}).text
        assert f"Enter an amount in dollars, such as 12 or 12.50, not {typed}." in said
    assert "already disputed" not in browser.post(f"{stand_in.control_url}/dispute", {"payment": intent.id}).text
    assert "win_dispute" in browser.get(stand_in.control_url).text
    assert len(stripe_.refunds.list().data) == 1


def test_desk_shows_who_and_which_card(stand_in, open_session, control, browser):
    control.submit(session=open_session().id)
    browser.post(f"{stand_in.control_url}/open_account", {"email": "source@example.com"})

    page = browser.get(stand_in.control_url).text

    assert "visa 4242" in page and "source@example.com" in page


def test_other_sites_cannot_press_the_desks_buttons(stand_in, pay, stripe_):
    intent = pay(25_00)

    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        answer = requests.post(
            f"{stand_in.control_url}/refund", {"payment": intent.id}, headers=headers, timeout=5, allow_redirects=False
        )
        assert answer.status_code == 403

    assert stripe_.refunds.list().data == []


def test_log_has_a_line_a_request_without_what_was_in_it(stand_in, open_session, browser, caplog):
    with caplog.at_level("DEBUG", logger="stripe_stand_in"):
        browser.post(open_session().url + "?x=4242424242424242", {"number": "4242424242424242"}, allow_redirects=False)

    lines = [record.getMessage() for record in caplog.records if "/pay/" in record.getMessage()]
    assert len(lines) == 1 and lines[0].startswith("POST /pay/cs_test_") and " 303 " in lines[0]
    assert "4242424242424242" not in caplog.text.replace("?x=4242424242424242 HTTP/1.1", "")
