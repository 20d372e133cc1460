"""Verticals as data: the questions a trade asks people, and how long its requests keep their value."""

from datetime import timedelta
from functools import cached_property, lru_cache
from typing import Any

import pghistory
import pgtrigger
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import OuterRef, Q, Subquery

from leads.schema.check import check_schema
from leads.schema.fields import Field, Schema, stored_form

_UNKNOWN = object()


class VerticalQuerySet(models.QuerySet["Vertical"]):
    def for_resale(self) -> "VerticalQuerySet":
        """Verticals whose unsold legs may be sold aged."""
        return self.filter(open_for_resale=True)

    def with_newest_schema(self) -> "VerticalQuerySet":
        """Annotate ``newest_schema_id``, so that reading each vertical's fields needs no further query for it."""
        newest = FieldSchema.objects.filter(vertical=OuterRef("pk")).order_by("-version").values("pk")[:1]
        return self.annotate(newest_schema_id=Subquery(newest))


@pghistory.track()
class Vertical(models.Model):
    """One product line: how long a leg stays real-time, and for how many days it may be sold as aged."""

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=60, unique=True)
    trade = models.CharField(max_length=60, help_text="The trade a buyer must be in to call these people.")
    position = models.PositiveSmallIntegerField(default=100)
    window_minutes = models.PositiveIntegerField(default=15, validators=[MinValueValidator(1)])
    default_legs = models.PositiveSmallIntegerField(default=4, validators=[MinValueValidator(1), MaxValueValidator(20)])
    shelf_life_days = models.PositiveIntegerField(default=730, validators=[MinValueValidator(1)])
    retention_days = models.PositiveIntegerField(
        default=1095, help_text="Days until a contact is erased. The evidence of consent is kept."
    )
    duplicate_window_days = models.PositiveIntegerField(
        default=30, help_text="Requests from the same person within this many days count as one."
    )
    open_for_resale = models.BooleanField(default=True, help_text="Off for Medicare, where consent names one company.")

    objects = VerticalQuerySet.as_manager()

    class Meta:
        ordering = ["position", "name"]
        constraints = [
            models.CheckConstraint(condition=Q(window_minutes__gt=0), name="vertical_window_is_positive"),
            models.CheckConstraint(condition=Q(default_legs__range=(1, 20)), name="vertical_legs_1_to_20"),
            models.CheckConstraint(
                condition=Q(retention_days__gte=models.F("shelf_life_days")),
                name="vertical_retention_covers_shelf_life",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def window(self) -> timedelta:
        """How long a leg stays in the real-time market."""
        return timedelta(minutes=self.window_minutes)

    @cached_property
    def newest_schema(self) -> "FieldSchema | None":
        pk = self.__dict__.get("newest_schema_id", _UNKNOWN)
        if pk is _UNKNOWN:
            pk = self.schemas.order_by("-version").values_list("pk", flat=True).first()
        return None if pk is None else schema_numbered(pk)

    @property
    def schema(self) -> Schema:
        """The fields in force: the newest version, or an empty schema if there is none yet."""
        return self.newest_schema.parsed if self.newest_schema else Schema(())


class FieldSchema(models.Model):
    """One version of a vertical's fields. It never changes: a new version is a new row."""

    vertical = models.ForeignKey(Vertical, on_delete=models.PROTECT, related_name="schemas")
    version = models.PositiveIntegerField()
    fields = models.JSONField(validators=[check_schema])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["vertical", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["vertical", "version"], name="schema_version_is_unique"),
            models.CheckConstraint(condition=Q(version__gte=1), name="schema_version_from_1"),
        ]
        triggers = [pgtrigger.Protect(name="schema_is_immutable", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.vertical} fields, version {self.version}"

    @cached_property
    def parsed(self) -> Schema:
        return Schema.from_json(self.fields)


@lru_cache(maxsize=1000)
def schema_numbered(pk: int) -> FieldSchema:
    """Return a version of a vertical's fields by its key. It never changes, so it is read only once."""
    return FieldSchema.objects.get(pk=pk)


@transaction.atomic
def add_schema_version(vertical: Vertical, fields: list[dict[str, Any]]) -> FieldSchema:
    """Put a new version of the fields in force. Raises ValidationError."""
    check_schema(fields)
    Vertical.objects.select_for_update(no_key=True).get(pk=vertical.pk)
    _check_types_stay(vertical, fields)
    newest = vertical.schemas.order_by("-version").values_list("version", flat=True).first() or 0
    for remembered in ("newest_schema", "newest_schema_id"):
        vertical.__dict__.pop(remembered, None)
    return FieldSchema.objects.create(vertical=vertical, version=newest + 1, fields=stored_form(fields))


def _check_types_stay(vertical: Vertical, fields: list[dict[str, Any]]) -> None:
    """Keep the type of any field name that leads use: criteria read every lead's values by the newest schema."""
    types = {item["name"]: item["type"] for item in fields}
    faults = [
        f"“{old.name}” already has values of the type “{old.type.label}”. Give the new field another name."
        for old in _fields_of_other_types(vertical, types)
        if vertical.leads.filter(attributes__has_key=old.name).exists()
    ]
    if faults:
        raise ValidationError(sorted(set(faults)))


def _fields_of_other_types(vertical: Vertical, types: dict[str, str]) -> list[Field]:
    return [
        old
        for schema in vertical.schemas.all()
        for old in schema.parsed
        if old.name in types and old.type != types[old.name]
    ]
