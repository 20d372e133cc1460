"""Arrays of keys, spelled as PostgreSQL reads them: the driver would look at each element on its own, and an order of a
hundred thousand leads hands them in a dozen times."""

from collections.abc import Iterable


def key_array(keys: Iterable[int]) -> str:
    """To be cast where it is used: ``ANY(%s::bigint[])``, ``unnest(%s::int[])``."""
    return f"{{{','.join(map(str, keys))}}}"
