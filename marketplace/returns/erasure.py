"""Keeping: what was said about people goes when the people go, and is sealed anew when a key is."""

from leads.people.rotation import Sealed
from marketplace.models import ReturnStep
from marketplace.models.returning import STEP_BINDING

WORDS = Sealed("marketplace_returnstep", "sealed_words", STEP_BINDING, of_lead=False)


def forget_erased() -> int:
    """Words about people who were erased since are gone, whatever the return's state. Answers how many."""
    return ReturnStep.objects.about_erased().update(sealed_words=None)
