"""Keys rotate while the market runs: every value opens at every moment, and in the end none needs the old key."""

import base64
import os

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from leads.models import Consent, Contact, ImportRun
from leads.models.consent import open_machine
from leads.people.privacy import erase_contact
from leads.people.rotation import CONTACTS, MACHINES, left_to_rotate, rotate
from leads.people.sealing import SealBroken

pytestmark = pytest.mark.django_db


def a_key(number):
    return f"{number}:{base64.b64encode(os.urandom(32)).decode()}"


OLD, NEW = a_key(7), a_key(8)


@pytest.fixture
def leads(market, settings):
    """Five leads sealed under key 7; then key 8 becomes the current one."""
    settings.FIELD_KEYS = [OLD]
    leads = market.leads(5)
    settings.FIELD_KEYS = [NEW, OLD]
    return leads


def keys_of(model, column):
    return {bytes(value)[0] for value in model.objects.exclude(**{column: None}).values_list(column, flat=True)}


def people(leads):
    return [Contact.objects.get(lead=lead).open(str(lead.public_id)) for lead in leads]


def test_everything_is_sealed_anew_and_the_old_key_can_go(leads, settings, capsys):
    before = people(leads)
    evidence = list(Consent.objects.order_by("pk").values("text", "given_at", "page", "trustedform_url"))

    call_command("rotate_field_keys", batch=2)
    settings.FIELD_KEYS = [NEW]

    assert capsys.readouterr().out.splitlines() == [
        "5 contacts resealed, 0 left with an older key.",
        "5 consents resealed, 0 left with an older key.",
        "0 words on returns resealed, 0 left with an older key.",
    ]
    assert keys_of(Contact, "sealed") == keys_of(Consent, "sealed_machine") == {8}
    assert people(leads) == before
    assert open_machine(bytes(Consent.objects.get(lead=leads[0]).sealed_machine), row=str(leads[0].public_id)) == {
        "ip_address": "192.0.2.7",
        "user_agent": "",
    }
    assert list(Consent.objects.order_by("pk").values("text", "given_at", "page", "trustedform_url")) == evidence


def test_a_run_that_was_stopped_goes_on_with_what_is_left(leads):
    stopped = rotate(CONTACTS, batch=2)
    assert next(stopped) == 2
    stopped.close()

    assert left_to_rotate(CONTACTS) == 3
    assert len(people(leads)) == 5
    assert list(rotate(CONTACTS, batch=2)) == [2, 1]
    assert left_to_rotate(CONTACTS) == 0


def test_a_second_run_changes_nothing(leads):
    list(rotate(CONTACTS, batch=10))
    sealed = list(Contact.objects.order_by("pk").values_list("sealed", flat=True))

    assert list(rotate(CONTACTS, batch=10)) == []

    assert [bytes(one) for one in Contact.objects.order_by("pk").values_list("sealed", flat=True)] == [
        bytes(one) for one in sealed
    ]


def test_an_erased_contact_stays_erased(leads, market):
    erase_contact(leads[0], market.now)

    assert sum(rotate(CONTACTS, batch=2)) == 4

    assert Contact.objects.get(lead=leads[0]).sealed is None


def test_a_value_whose_key_is_gone_stops_the_run_and_harms_nothing(leads, settings):
    settings.FIELD_KEYS = [NEW]
    sealed = {pk: bytes(value) for pk, value in Contact.objects.values_list("pk", "sealed")}

    with pytest.raises(CommandError, match="Stopped after 0 contacts: the value is sealed under a key that"):
        call_command("rotate_field_keys")

    assert {pk: bytes(value) for pk, value in Contact.objects.values_list("pk", "sealed")} == sealed


def test_a_value_of_another_row_is_not_sealed_anew(leads):
    first, second = Contact.objects.order_by("pk")[:2]
    Contact.objects.filter(pk=first.pk).update(sealed=second.sealed)

    with pytest.raises(SealBroken):
        list(rotate(CONTACTS, batch=10))

    assert left_to_rotate(CONTACTS) == 5


def test_consents_are_immutable_again_after_the_rotation(leads):
    list(rotate(MACHINES, batch=10))

    with pytest.raises(DatabaseError, match="pgtrigger_consent_is_immutable_"), transaction.atomic():
        Consent.objects.update(page="https://elsewhere.example/")


def test_uploads_under_way_are_said_to_need_the_older_keys(market, capsys):
    call_command("rotate_field_keys")
    assert "uploads" not in capsys.readouterr().out

    ImportRun.objects.create(
        source=market.source, vertical=market.vertical, file_name="a.csv", file_bytes=1, stored_as="imports/a"
    )
    call_command("rotate_field_keys")

    assert "Uploads still sealed with the key they came with: 1." in capsys.readouterr().out
