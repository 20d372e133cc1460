"""The verticals as every page needs them: each with the newest version of its fields and its curve, in one question.

Answered by hand-written SQL, since every page asks it first: the same words as ``with_newest_schema`` and ``in_force``.
"""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.utils import timezone

from leads.models import Vertical
from marketplace.prices.pricing import Curve, curve_with_prices

_VERTICALS = """
    SELECT vertical.*,
        (SELECT id FROM leads_fieldschema WHERE vertical_id = vertical.id ORDER BY version DESC LIMIT 1)
            AS newest_schema_id,
        (SELECT id FROM marketplace_pricecurve WHERE vertical_id = vertical.id AND effective_at <= %(now)s
            ORDER BY effective_at DESC LIMIT 1) AS curve_id
    FROM leads_vertical AS vertical ORDER BY vertical.position, vertical.name
"""


@dataclass(frozen=True)
class Catalogue:
    """All verticals in their order, as they are at ``now``."""

    now: datetime
    verticals: tuple[Vertical, ...]

    def named(self, slug: str) -> Vertical | None:
        return next((vertical for vertical in self.verticals if vertical.slug == slug), None)

    def curve_of(self, vertical: Vertical) -> Curve:
        """Raises NoCurve."""
        found = next(known.curve_id for known in self.verticals if known.pk == vertical.pk)  # type: ignore[attr-defined]
        return curve_with_prices(found, vertical)


def read_catalogue(now: datetime) -> Catalogue:
    return Catalogue(now, tuple(Vertical.objects.raw(_VERTICALS, {"now": now})))


def catalogue_of(request: HttpRequest) -> Catalogue:
    """Read once for a request, and as of that moment: what it shows is all of one time."""
    if not hasattr(request, "catalogue"):
        request.catalogue = read_catalogue(timezone.now())  # type: ignore[attr-defined]
    known: Catalogue = request.catalogue  # type: ignore[attr-defined]
    return known
