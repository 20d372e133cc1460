"""The verticals as every page needs them: each with the newest version of its fields and its curve, in one query.

The SQL is written by hand because every page runs it first; it means the same as ``with_newest_schema`` and
``in_force``.
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
    """All verticals in display order, as of ``now``."""

    now: datetime
    verticals: tuple[Vertical, ...]

    def named(self, slug: str) -> Vertical | None:
        return next((vertical for vertical in self.verticals if vertical.slug == slug), None)

    def curve_of(self, vertical: Vertical) -> Curve:
        """Return the vertical's active curve. Raises NoCurve."""
        found = next(known.curve_id for known in self.verticals if known.pk == vertical.pk)  # type: ignore[attr-defined]
        return curve_with_prices(found, vertical)


def read_catalogue(now: datetime) -> Catalogue:
    return Catalogue(now, tuple(Vertical.objects.raw(_VERTICALS, {"now": now})))


def catalogue_of(request: HttpRequest) -> Catalogue:
    """Return the request's catalog, read once, so that everything on a page is as of the same moment."""
    if not hasattr(request, "catalogue"):
        request.catalogue = read_catalogue(timezone.now())  # type: ignore[attr-defined]
    known: Catalogue = request.catalogue  # type: ignore[attr-defined]
    return known
