"""Price curves: a version can be edited until it takes effect; after that, copy it to make a new version."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from billing.money import dollars
from leads.admin.parts import Kept
from leads.models import Vertical
from marketplace.models import PriceCurve, PriceTier, VolumeStep

GRADES = ("grade_a", "grade_b", "grade_c", "grade_d")
COPIED = ("vertical", "floor_cents", *GRADES, "exclusive")


class PriceCurveForm(forms.ModelForm):
    def clean_effective_at(self) -> datetime:
        instant: datetime = self.cleaned_data["effective_at"]
        if instant <= timezone.now():
            raise forms.ValidationError("Enter a time in the future. Past prices cannot be changed.")
        return instant

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        given = [cleaned.get(grade) for grade in GRADES]
        for name, better, worse in zip(GRADES[1:], given, given[1:], strict=False):
            if better is not None and worse is not None and worse > better:
                self.add_error(name, "Enter a multiplier no higher than the next better grade's.")
        if (cleaned.get("exclusive") or 1) < 1:
            self.add_error("exclusive", "Enter 1 or more. An exclusive lead cannot cost less than a shared one.")
        self._check_it_starts_alone(cleaned)
        return cleaned

    def _check_it_starts_alone(self, cleaned: dict[str, Any]) -> None:
        vertical, instant = cleaned.get("vertical") or self.instance.vertical_id, cleaned.get("effective_at")
        others = PriceCurve.objects.exclude(pk=self.instance.pk).filter(vertical=vertical)
        if instant and others.filter(effective_at=instant).exists():
            self.add_error("effective_at", "Another version takes effect at this time. Enter a different time.")


class TierFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        """Check the same two rules as the database, with messages for people."""
        super().clean()
        steps = sorted(_steps(self.forms, "from_day", "cents"))
        if any(self.errors):
            return
        if not steps:
            raise forms.ValidationError("Add at least one tier.")
        for (_, before), (day, cents) in pairwise(steps):
            if cents > before:
                raise forms.ValidationError(f"Lower the price from day {day} on. Prices can only fall with age.")


def _steps(rows: list[Any], *names: str) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        values = tuple(row.cleaned_data.get(name) for name in names) if hasattr(row, "cleaned_data") else (None,)
        if None not in values and not row.cleaned_data.get("DELETE"):
            yield values


class StepInline(admin.TabularInline):
    """Steps of a draft; whoever may change the curve may add, change and delete them."""

    extra = 3

    def has_add_permission(self, request: HttpRequest, obj: PriceCurve | None = None) -> bool:
        return is_draft(obj) and request.user.has_perm("marketplace.change_pricecurve")

    has_change_permission = has_delete_permission = has_add_permission

    def has_view_permission(self, request: HttpRequest, obj: PriceCurve | None = None) -> bool:
        return request.user.has_perm("marketplace.view_pricecurve") or self.has_add_permission(request, obj)


class TierInline(StepInline):
    model = PriceTier
    formset = TierFormSet
    fields = ["from_day", "cents"]


class VolumeInline(StepInline):
    model = VolumeStep
    fields = ["from_quantity", "multiplier"]
    extra = 1


def is_draft(curve: PriceCurve | None) -> bool:
    return curve is None or curve.effective_at > timezone.now()


@admin.register(PriceCurve)
class PriceCurveAdmin(Kept, admin.ModelAdmin):
    form = PriceCurveForm
    list_display = ["vertical", "version", "effective_at", "standing", "first_price", "floor", "note"]
    list_filter = ["vertical"]
    list_select_related = ["vertical"]
    fields = ["vertical", "version", "effective_at", "floor_cents", GRADES, "exclusive", "note", "created_at"]
    readonly_fields = ["version", "created_at"]
    inlines = [TierInline, VolumeInline]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("tiers")

    def get_readonly_fields(self, request: HttpRequest, obj: PriceCurve | None = None) -> list[str]:
        return [*self.readonly_fields, "vertical"] if obj else self.readonly_fields

    def get_urls(self) -> list[URLPattern]:
        copy = self.admin_site.admin_view(require_POST(self.new_version_view))
        return [path("<int:number>/new-version/", copy, name="marketplace_pricecurve_new_version"), *super().get_urls()]

    def has_change_permission(self, request: HttpRequest, obj: PriceCurve | None = None) -> bool:
        return is_draft(obj) and super().has_change_permission(request, obj)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show a message for conflicts only the database detects: two people at once, or a curve just taking effect."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except IntegrityError:
            refusal = "Nothing was saved: the curve took effect or someone else changed it. Review it and try again."
            self.message_user(request, refusal, messages.ERROR)
            return HttpResponseRedirect(request.path)

    def save_model(self, request: HttpRequest, obj: PriceCurve, form: Any, change: bool) -> None:
        if not change:
            obj.version = next_version(obj.vertical)
        super().save_model(request, obj, form, change)

    @admin.display(description="status")
    def standing(self, curve: PriceCurve) -> str:
        return "Draft" if is_draft(curve) else "Took effect"

    @admin.display(description="price of newest leads")
    def first_price(self, curve: PriceCurve) -> str:
        tiers = list(curve.tiers.all())
        return dollars(tiers[0].cents) if tiers else ""

    @admin.display(description="floor")
    def floor(self, curve: PriceCurve) -> str:
        return dollars(curve.floor_cents)

    def new_version_view(self, request: HttpRequest, number: int) -> HttpResponse:
        """Copy the curve to a draft that can be edited until it takes effect."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        curve = self.get_object(request, str(number))
        if curve is None:
            raise Http404
        draft = draft_from(curve, now=timezone.now())
        self.log_addition(request, draft, f"Copied from version {curve.version}.")
        self.message_user(request, f"Draft created: {draft}. It takes effect {draft.effective_at:%Y-%m-%d %H:%M} UTC.")
        return HttpResponseRedirect(reverse("admin:marketplace_pricecurve_change", args=[draft.pk]))


@transaction.atomic
def draft_from(curve: PriceCurve, *, now: datetime) -> PriceCurve:
    """Create a version with the same steps, effective at the next midnight UTC when no other version starts."""
    draft = PriceCurve.objects.create(
        version=next_version(curve.vertical),
        effective_at=_free_midnight(curve.vertical, now),
        **{name: getattr(curve, name) for name in COPIED},
    )
    PriceTier.objects.bulk_create(
        PriceTier(curve=draft, from_day=tier.from_day, cents=tier.cents) for tier in curve.tiers.all()
    )
    VolumeStep.objects.bulk_create(
        VolumeStep(curve=draft, from_quantity=step.from_quantity, multiplier=step.multiplier)
        for step in curve.volume_steps.all()
    )
    return draft


def next_version(vertical: Vertical) -> int:
    """Return the next version number. Locks the vertical's row, so that two drafts at once take turns."""
    Vertical.objects.select_for_update(no_key=True).get(pk=vertical.pk)
    return 1 + (vertical.curves.aggregate(last=Max("version"))["last"] or 0)


def _free_midnight(vertical: Vertical, now: datetime) -> datetime:
    instant = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    taken = set(vertical.curves.filter(effective_at__gt=now).values_list("effective_at", flat=True))
    while instant <= now or instant in taken:
        instant += timedelta(days=1)
    return instant
