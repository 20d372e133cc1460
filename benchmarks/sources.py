"""Forty sources of unequal size, each with its kind, grade and consent text."""

from dataclasses import dataclass

from leads.models import Channel, ConsentText, Grade, Source, SourceKind

SOURCES = 40
KINDS = (SourceKind.PARTNER_FORM, SourceKind.OWN_FORM, SourceKind.IMPORTED_FILE, SourceKind.PHONE_CALL)
GRADES = (Grade.A, Grade.B, Grade.B, Grade.C, Grade.C, Grade.D)
CHANNELS = (Channel.values, [Channel.CALL, Channel.TEXT], [Channel.CALL], [Channel.CALL, Channel.EMAIL])
MOST_COMPANIES = (7, 5, 5, 4, 7, 3)


@dataclass(frozen=True)
class Origin:
    """A source, the consent text its people saw, and its share of the leads."""

    source: Source
    text: ConsentText
    share: float


def open_sources() -> tuple[Origin, ...]:
    """The first has five and a half times as many leads as the tenth; its consent text allows the most companies."""
    return tuple(_origin(place) for place in range(SOURCES))


def kept_sources() -> tuple[Origin, ...]:
    """Return the sources of a kept stock; none for a new one."""
    kept = Source.objects.filter(slug__startswith="source-").order_by("pk")
    return tuple(
        Origin(source, source.consent_texts.get(version="v1"), _share(place)) for place, source in enumerate(kept)
    )


def _share(place: int) -> float:
    return 1 / (place + 2)


def _origin(place: int) -> Origin:
    grade = GRADES[place % len(GRADES)]
    source = Source.objects.create(
        slug=f"source-{place}",
        legal_name=f"Quotes {place} LLC",
        address="1 Main Street, Dayton, OH 45402",
        phone="(937) 555-0100",
        kind=KINDS[place % len(KINDS)],
        site=f"quotes-{place}.example",
        site_masked=place % 9 == 8,
        incentive=grade == Grade.D,
        grade=grade,
        payout_percent=40 + place % 3 * 10,
    )
    companies = MOST_COMPANIES[place % len(MOST_COMPANIES)]
    text = ConsentText.objects.create(
        source=source,
        version="v1",
        wording=f"I agree that up to {companies} companies may contact me.",
        channels=[str(channel) for channel in CHANNELS[place % len(CHANNELS)]],
        most_companies=companies,
    )
    return Origin(source, text, _share(place))
