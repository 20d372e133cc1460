"""Delete what buyers wrote about a person once the person is erased, and reseal it when a key is rotated."""

from leads.people.rotation import Sealed
from marketplace.models import ReturnStep
from marketplace.models.returning import STEP_BINDING

WORDS = Sealed("marketplace_returnstep", "sealed_words", STEP_BINDING, of_lead=False)


def forget_erased() -> int:
    """Delete words about people who have been erased, whatever the return's status. Return how many."""
    return ReturnStep.objects.about_erased().update(sealed_words=None)
