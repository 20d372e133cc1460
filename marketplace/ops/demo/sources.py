"""Fictional sources, good ones and bad ones, and the consent texts on their forms."""

from dataclasses import dataclass
from datetime import timedelta

from leads.models import Channel, ConsentText, Grade, Source, SourceKind

WORDING = (
    "By requesting quotes, I agree that up to {companies} companies offering what I asked for may contact me {channels}"
    " about my request. My consent is not a condition of any purchase, and I can opt out at any time."
)
NAMED_AGENCY = "Fairmont Senior Advisors LLC"
NAMED_WORDING = (
    "I agree that {company}, and no other company, may call me about Medicare plans. My consent is not a condition of"
    " any purchase, and I can opt out at any time."
)
READ_ALOUD = "Read to the caller, who agreed: "
NAMED_VERSION = "medicare-1"


@dataclass(frozen=True)
class Wording:
    """A version of the consent text for requests up to the age ``oldest``, unless a newer version covers them."""

    version: str
    companies: int
    channels: tuple[Channel, ...]
    how: str
    oldest: timedelta


WORDINGS = (
    Wording("v3", 5, (Channel.CALL, Channel.TEXT, Channel.EMAIL), "by call, text and email", timedelta(days=240)),
    Wording("v2", 4, (Channel.CALL, Channel.EMAIL), "by call and email", timedelta(days=540)),
    Wording("v1", 3, (Channel.CALL,), "by call", timedelta.max),
)


@dataclass(frozen=True)
class Profile:
    """A source, its share of the leads, and how many days its certificates are retained (0: it has none)."""

    slug: str
    legal_name: str
    address: str
    phone: str
    kind: SourceKind
    site: str
    grade: Grade
    share: int
    proof_days: int
    payout_percent: int = 50
    site_masked: bool = False
    incentive: bool = False


FIVE_YEARS = 5 * 365
PROFILES = (
    Profile(
        "harrow-pine", "Harrow & Pine Lead Exchange LLC", "410 Sycamore Street, Suite 3, Dayton, OH 45402",
        "(937) 555-0142", SourceKind.OWN_FORM, "quotes.harrowpine.example", Grade.A, 22, FIVE_YEARS, 0,
    ),
    Profile(
        "brightwater-media", "Brightwater Media LLC", "88 Front Street, Portland, ME 04101",
        "(207) 555-0119", SourceKind.PARTNER_FORM, "ratecompare.example", Grade.A, 18, FIVE_YEARS, 60,
    ),
    Profile(
        "cedar-lane", "Cedar Lane Digital Inc.", "1200 Cedar Lane, Boise, ID 83702",
        "(208) 555-0107", SourceKind.PARTNER_FORM, "cedarquotes.example", Grade.B, 17, FIVE_YEARS,
    ),
    Profile(
        "bellwether", "Bellwether Contact Center Inc.", "27 Exchange Place, Omaha, NE 68102",
        "(402) 555-0163", SourceKind.PHONE_CALL, "call-bellwether.example", Grade.B, 9, 0, 55,
    ),
    Profile(
        "northgate", "Northgate Performance Partners LLC", "5 Harbor Plaza, Tampa, FL 33602",
        "(813) 555-0128", SourceKind.PARTNER_FORM, "northgate-forms.example", Grade.B, 13, 365, site_masked=True,
    ),
    Profile(
        "tallgrass", "Tallgrass Data Exchange LLC", "640 Prairie Avenue, Wichita, KS 67202",
        "(316) 555-0150", SourceKind.IMPORTED_FILE, "tallgrass-requests.example", Grade.C, 11, 90, 45,
    ),
    Profile(
        "quarry-street", "Quarry Street Leads Corp.", "19 Quarry Street, Worcester, MA 01608",
        "(508) 555-0175", SourceKind.PARTNER_FORM, "quickrates.example", Grade.C, 6, 90, 40,
    ),
    Profile(
        "spinwheel", "Spinwheel Rewards LLC", "3300 Carousel Drive, Reno, NV 89501",
        "(775) 555-0188", SourceKind.PARTNER_FORM, "spin-and-save.example", Grade.D, 4, 0, 25, incentive=True,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Supply:
    """A source in the market, with its consent texts by version."""

    profile: Profile
    source: Source
    texts: dict[str, ConsentText]

    @property
    def by_phone(self) -> bool:
        return self.profile.kind == SourceKind.PHONE_CALL

    def text_for(self, age: timedelta, *, resale: bool) -> ConsentText:
        """Return the consent text for a request of this age. Without ``resale``, it is the one naming one company."""
        if not resale:
            return self.texts[NAMED_VERSION]
        return next(self.texts[one.version] for one in WORDINGS if age <= one.oldest)


def make_sources() -> list[Supply]:
    return [_supply(profile) for profile in PROFILES]


def _supply(profile: Profile) -> Supply:
    source = Source.objects.create(
        slug=profile.slug,
        legal_name=profile.legal_name,
        address=profile.address,
        phone=profile.phone,
        kind=profile.kind,
        site=profile.site,
        site_masked=profile.site_masked,
        incentive=profile.incentive,
        grade=profile.grade,
        payout_percent=profile.payout_percent,
    )
    texts = [_text(source, one) for one in WORDINGS] + [_named_text(source)]
    return Supply(profile, source, {text.version: text for text in texts})


def _text(source: Source, one: Wording) -> ConsentText:
    wording = WORDING.format(companies=one.companies, channels=one.how)
    return ConsentText.objects.create(
        source=source,
        version=one.version,
        wording=f"{READ_ALOUD}{wording}" if source.kind == SourceKind.PHONE_CALL else wording,
        channels=list(one.channels),
        most_companies=one.companies,
    )


def _named_text(source: Source) -> ConsentText:
    return ConsentText.objects.create(
        source=source,
        version=NAMED_VERSION,
        wording=NAMED_WORDING.format(company=NAMED_AGENCY),
        channels=[Channel.CALL],
        most_companies=1,
        named_partners=[NAMED_AGENCY],
    )
