"""Sealing: personal data at rest is encrypted with AES-256-GCM, bound to its row, under a key that can be rotated.

A sealed value is ``key id (1 byte) | nonce (12) | ciphertext and tag``. Its row goes in as associated
data, so a ciphertext copied to another row fails to open and never shows the wrong person.
"""

import base64
import binascii
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12


class SealBroken(Exception):
    """The value was altered or belongs to another row, or its key is not in the ring."""


class KeyRing:
    """Keys by number. The first one seals; all of them open."""

    def __init__(self, keys: dict[int, bytes]) -> None:
        self.current = next(iter(keys))
        self._ciphers = {number: AESGCM(key) for number, key in keys.items()}

    @classmethod
    def parse(cls, entries: tuple[str, ...]) -> "KeyRing":
        """Build a ring from ``("2:base64", "1:base64")``, newest first. Raises ValueError on a malformed entry."""
        keys: dict[int, bytes] = {}
        for entry in entries:
            number, _, encoded = entry.strip().partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except binascii.Error as error:
                raise ValueError(f"key {number!r} is not valid Base64") from error
            if not number.isdigit() or not 0 < int(number) < 256 or len(key) != 32:
                raise ValueError(f"key {number!r} must be numbered from 1 to 255 and be 32 bytes long")
            keys[int(number)] = key
        if not keys:
            raise ValueError("FIELD_KEYS is empty")
        return cls(keys)

    def seal(self, plain: bytes, *, row: str, nonce: bytes | None = None) -> bytes:
        """Return the sealed value. Give a nonce from ``nonces`` to seal thousands; never use one twice."""
        nonce = nonce or os.urandom(NONCE_BYTES)
        return bytes([self.current]) + nonce + self._ciphers[self.current].encrypt(nonce, plain, row.encode())

    def unseal(self, sealed: bytes, *, row: str) -> bytes:
        """Return the plain bytes. Raises SealBroken."""
        cipher = self._ciphers.get(sealed[0]) if sealed else None
        if cipher is None:
            raise SealBroken("the value is sealed under a key that is not in the ring")
        try:
            return cipher.decrypt(sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :], row.encode())
        except (InvalidTag, ValueError) as error:
            raise SealBroken("the sealed value does not belong to this row or was altered") from error


def nonces(quantity: int) -> list[bytes]:
    """Draw random nonces at once: each call of the system releases Python's lock, which another thread then takes."""
    drawn = os.urandom(NONCE_BYTES * quantity)
    return [drawn[start : start + NONCE_BYTES] for start in range(0, len(drawn), NONCE_BYTES)]


@lru_cache(maxsize=4)
def _parsed(entries: tuple[str, ...]) -> KeyRing:
    return KeyRing.parse(entries)


def key_ring() -> KeyRing:
    """Return the ring in force, from settings.FIELD_KEYS."""
    return _parsed(tuple(settings.FIELD_KEYS))
