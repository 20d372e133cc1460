"""Arrays of keys, written as PostgreSQL reads them: the driver would inspect each element, and an order of a hundred
thousand leads passes them in a dozen times."""

from collections.abc import Iterable


def key_array(keys: Iterable[int]) -> str:
    """Return the keys as an array literal. Cast it where you use it: ``ANY(%s::bigint[])``, ``unnest(%s::int[])``."""
    return f"{{{','.join(map(str, keys))}}}"
