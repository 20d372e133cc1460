"""What buyers wrote about people is resealed when a key is rotated, and deleted when the people are erased."""

import base64
import os

import pytest

from leads.people.privacy import erase_contact
from leads.people.rotation import left_to_rotate, rotate
from marketplace.models import ReturnStep
from marketplace.returns.decisions import take_back
from marketplace.returns.erasure import WORDS, forget_erased
from tests.marketplace.returns.return_cases import buy, generous, hand_back, lead_of

pytestmark = pytest.mark.django_db


def a_key(number):
    return f"{number}:{base64.b64encode(os.urandom(32)).decode()}"


OLD, NEW = a_key(7), a_key(8)


def test_words_are_sealed_anew_and_the_old_key_can_go(market, settings):
    generous(market)
    settings.FIELD_KEYS = [OLD, *settings.FIELD_KEYS]
    order = buy(market, 3)
    returned = [hand_back(market, lead_of(order, place), words=f"Words {place}") for place in range(3)]
    take_back(returned[0], actor="me", now=market.now)  # says nothing: a step without words
    settings.FIELD_KEYS = [NEW, *settings.FIELD_KEYS]
    assert left_to_rotate(WORDS) == 3
    before = list(ReturnStep.objects.order_by("id").values("kind", "actor", "at", "returned"))

    assert list(rotate(WORDS, batch=2)) == [2, 1]
    settings.FIELD_KEYS = [NEW]

    assert left_to_rotate(WORDS) == 0
    assert [step.words for step in ReturnStep.objects.order_by("id")] == ["Words 0", "Words 1", "Words 2", ""]
    assert list(ReturnStep.objects.order_by("id").values("kind", "actor", "at", "returned")) == before


def test_words_about_somebody_erased_are_forgotten_and_none_are_taken(market):
    generous(market)
    order = buy(market, 3)
    hand_back(market, lead_of(order, 0), words="Kept")
    hand_back(market, lead_of(order, 1), words="Forgotten")
    for place in (1, 2):
        erase_contact(lead_of(order, place), market.now)
    late = hand_back(market, lead_of(order, 2), words="Never written")

    assert late.steps.get().sealed_words is None
    assert forget_erased() == 1
    assert forget_erased() == 0
    assert [step.words for step in ReturnStep.objects.order_by("id")] == ["Kept", "", ""]
