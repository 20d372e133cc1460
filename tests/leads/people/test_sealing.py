import base64

import pytest

from leads.models.contact import Person, open_person, seal_person
from leads.people.sealing import KeyRing, SealBroken

OLD = f"1:{base64.b64encode(b'o' * 32).decode()}"
NEW = f"2:{base64.b64encode(b'n' * 32).decode()}"


def test_what_was_sealed_opens_for_its_own_row_only():
    ring = KeyRing.parse((OLD,))
    sealed = ring.seal(b"Pat Example", row="contact|1")

    assert ring.unseal(sealed, row="contact|1") == b"Pat Example"
    with pytest.raises(SealBroken):
        ring.unseal(sealed, row="contact|2")


def test_the_plain_text_is_not_in_the_sealed_value():
    assert b"Pat Example" not in KeyRing.parse((OLD,)).seal(b"Pat Example", row="1")


def test_the_same_value_never_seals_to_the_same_bytes():
    ring = KeyRing.parse((OLD,))
    assert ring.seal(b"x", row="1") != ring.seal(b"x", row="1")


def test_the_first_key_seals_and_all_open():
    before = KeyRing.parse((OLD,)).seal(b"x", row="1")
    ring = KeyRing.parse((NEW, OLD))

    assert ring.seal(b"x", row="1")[0] == 2
    assert ring.unseal(before, row="1") == b"x"


def test_without_its_key_nothing_opens():
    with pytest.raises(SealBroken):
        KeyRing.parse((NEW,)).unseal(KeyRing.parse((OLD,)).seal(b"x", row="1"), row="1")


@pytest.mark.parametrize("place", [0, 1, 5, 13, -1])
def test_one_changed_bit_is_found(place):
    ring = KeyRing.parse((OLD,))
    sealed = bytearray(ring.seal(b"Pat Example", row="1"))
    sealed[place] ^= 1

    with pytest.raises(SealBroken):
        ring.unseal(bytes(sealed), row="1")


@pytest.mark.parametrize("cut", [0, 1, 12, 20])
def test_a_value_cut_short_is_found(cut):
    ring = KeyRing.parse((OLD,))
    with pytest.raises(SealBroken):
        ring.unseal(ring.seal(b"Pat Example", row="1")[:cut], row="1")


@pytest.mark.parametrize(
    "entry",
    ["", "x", "1:", "0:" + OLD[2:], "256:" + OLD[2:], "1:short", "1:" + base64.b64encode(bytes(range(16))).decode()],
)
def test_a_malformed_key_stops_the_start(entry):
    with pytest.raises(ValueError):
        KeyRing.parse((entry,))


def test_a_person_comes_back_whole_and_prints_nothing():
    person = Person(first_name="Pat", last_name="Example", phone="+14848037155", email="pat@example.com")

    assert open_person(seal_person(person, row="7"), row="7") == person
    assert repr(person) == "Person(sealed)"
