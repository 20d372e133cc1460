"""What nobody told us about a lead: the label says it under a heading of its own."""

from collections.abc import Iterator

from leads.models import Lead, PhoneType


def unknowns_of(lead: Lead) -> Iterator[str]:
    """In sentences. The lead's source and consent should be loaded."""
    if lead.consent.retained_until is None:
        yield "No certificate was kept: nobody holds a recording of the form being filled in."
    if lead.source.site_masked or not lead.source.site:
        yield "The site is masked by its supplier."
    if lead.phone_type == PhoneType.UNKNOWN:
        yield "Whether the phone is a mobile or a landline."
    if not lead.postal_code:
        yield "The ZIP code: only the state is known."
    if lead.flags:
        answers = "One answer" if len(lead.flags) == 1 else f"{len(lead.flags)} answers"
        yield f"{answers} could not be read when the lead came in, and left out."
