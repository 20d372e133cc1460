import io
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from leads.intake.importing import stored
from leads.intake.importing.stored import open_stored, store
from leads.people.sealing import SealBroken

CANARY = b"canary.person@example.com"


def path_of(name):
    return Path(default_storage.path(name))


def test_an_upload_is_sealed_at_rest_and_comes_back_byte_for_byte():
    plain = CANARY * 40_000
    name = store(stored.chunks_of(io.BytesIO(plain)))

    at_rest = path_of(name).read_bytes()
    assert CANARY not in at_rest and CANARY[:8] not in at_rest
    with open_stored(name) as file:
        assert file.read() == plain


def test_an_empty_upload_comes_back_empty():
    with open_stored(store([])) as file:
        assert file.read() == b""


def test_no_name_of_the_sender_is_used():
    assert store([b"x"]).startswith("imports/")
    assert len(store([b"x"])) == len("imports/") + 36


@pytest.mark.parametrize("spoil", ["cut", "bit", "swap", "other"])
def test_an_altered_upload_does_not_open(spoil):
    name = store([b"a" * 1000, b"b" * 1000])
    path = path_of(name)
    sealed = bytearray(path.read_bytes())
    frame = 1 + 4 + int.from_bytes(sealed[1:5], "big")
    if spoil == "cut":
        sealed = sealed[: 2 * frame]
    elif spoil == "bit":
        sealed[40] ^= 1
    elif spoil == "swap":
        sealed = sealed[frame : 2 * frame] + sealed[:frame] + sealed[2 * frame :]
    else:
        sealed = bytearray(path_of(store([b"a" * 1000, b"b" * 1000])).read_bytes())
    path.write_bytes(bytes(sealed))

    with open_stored(name) as file, pytest.raises(SealBroken):
        file.read()
