"""Whatever happens to a response from Stripe, a retry leads to the same books: nothing lost, nothing doubled."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.stripe.gateway import GatewayError
from tests.faults.acts import ACTS, sweep
from tests.faults.scenes import (
    CANCELED,
    CHARGE,
    PAGE,
    REFUND,
    TRANSFER,
    assert_books_agree,
    let_time_pass,
    pay_open_pages,
    sums,
    unknown,
)
from tests.refusal import settle

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stand_in")]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
# The SDK itself asks twice, so it is the second lost answer that leaves us without one.
MISHAPS = {"lost": ("lose_answer", 2), "failed before": ("fail_before", 1), "failed after": ("fail_after", 1)}
POSTS = [
    ("POST /v1/customers", PAGE),
    ("POST /v1/checkout/sessions", PAGE),
    ("POST /v1/checkout/sessions/*/expire", CANCELED),
    ("POST /v1/payment_intents", CHARGE),
    ("POST /v1/refunds", REFUND),
    ("POST /v1/transfers", TRANSFER),
]
"""Our requests that change something at Stripe."""


@pytest.mark.parametrize("mishap", MISHAPS)
@pytest.mark.parametrize(("path", "scene"), POSTS, ids=[path for path, _ in POSTS])
def test_without_an_answer_it_is_asked_again_and_happens_once(control, path, scene, mishap):
    kind, times = MISHAPS[mishap]
    key = scene.arrange(control)
    control.mishap(kind=kind, path=path, times=times)

    now = timezone.now()
    act(scene, key, now)
    assert control.state()["mishaps"] == []
    sweep(now + MINUTE)
    if scene is PAGE:
        act(scene, key, now + MINUTE)  # the buyer presses the button again
        pay_open_pages(control)
    let_time_pass(control, 10 * MINUTE, HOUR, 2 * HOUR, 21 * HOUR, 5 * HOUR)

    settle()
    assert sums() == expected(path, scene, mishap)
    assert unknown() == []
    assert_books_agree()


def expected(path, scene, mishap):
    """A page, refund or charge whose failure Stripe remembers under its key fails for good: we give it up once it is
    certain that nothing happened. Transfers are paid once Stripe has forgotten the failure."""
    in_vain = mishap == "failed before" and path != "POST /v1/customers"
    return scene.sums_if_it_came_to_nothing if in_vain else scene.sums


def act(scene, key, now):
    try:
        ACTS[scene.act](key, now)
    except GatewayError:
        return
