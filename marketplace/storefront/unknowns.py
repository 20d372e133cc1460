"""What we do not know about a lead; its page says so under a separate heading."""

from collections.abc import Iterator

from leads.models import Lead, PhoneType


def unknowns_of(lead: Lead) -> Iterator[str]:
    """Yield the unknowns as sentences. The lead's source and consent should be loaded."""
    if lead.consent.retained_until is None:
        yield "How the form was filled out: no consent certificate was kept, so there is no recording."
    if lead.source.site_masked or not lead.source.site:
        yield "Which website it came from: the source masks it."
    if lead.phone_type == PhoneType.UNKNOWN:
        yield "Whether the phone is a mobile or a landline."
    if not lead.postal_code:
        yield "The ZIP code: we only have the state."
    if lead.flags:
        answers = "1 answer" if len(lead.flags) == 1 else f"{len(lead.flags)} answers"
        yield f"{answers} on the form, left out as unreadable."
