"""What a process that lives long does about Python's garbage collector."""

import gc

OBJECTS_BETWEEN_COLLECTIONS = 20_000


def keep_what_is_loaded() -> None:
    """What is there by now stays for good. To look through all of it for garbage, again and again, costs a tenth of
    every page and an eighth of every import."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
