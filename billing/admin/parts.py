"""Building blocks of the admin's money pages: read-only rows, and actions that ask for confirmation first."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse

from billing.money import dollars
from buyers.models import User
from leads.admin.parts import ReadOnly, admin_page, laid_out

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class Act:
    """A link at the top of a page."""

    label: str
    url: str


@dataclass(frozen=True)
class Question:
    """The confirmation before an action. The messages of ``refusals`` are shown to the staff member."""

    title: str
    intro: str
    button: str
    form: type[forms.Form] = forms.Form
    refusals: tuple[type[Exception], ...] = ()


class MoneyAdmin(ReadOnly, admin.ModelAdmin):
    show_full_result_count = False

    def acts(self, request: HttpRequest, row: Any) -> Iterable[Act]:
        """Return the actions this person may take on the row as it is now."""
        return ()

    def list_acts(self, request: HttpRequest) -> Iterable[Act]:
        return ()

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        context["acts"] = list(self.acts(request, obj)) if obj else []
        return super().render_change_form(request, context, add, change, form_url, obj)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        shown = {"acts": list(self.list_acts(request)), **(extra_context or {})}
        return super().changelist_view(request, shown)

    # --- URLs
    def route(self, address: str, view: View, name: str) -> URLPattern:
        return path(address, self.admin_site.admin_view(view), name=self._route_name(name))

    def row_route(self, name: str, view: View) -> URLPattern:
        return self.route(f"<int:number>/{name}/", view, name)

    def address(self, name: str, *args: object) -> str:
        return reverse(f"admin:{self._route_name(name)}", args=args)

    def _route_name(self, name: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"

    # --- Confirmation
    def found(self, request: HttpRequest, number: int) -> Any:
        row = self.get_object(request, str(number))
        if row is None:
            raise Http404
        return row

    def confirm(
        self,
        request: HttpRequest,
        row: models.Model,
        question: Question,
        act: Callable[[Mapping[str, Any]], str],
    ) -> HttpResponse:
        """Ask first; once confirmed, act, log the change, report the result, and return to the row."""
        back = self.address("change", row.pk)
        form = question.form(request.POST) if request.method == "POST" else question.form()
        if request.method == "POST" and form.is_valid():
            self._act(request, row, question, lambda: act(form.cleaned_data))
            return HttpResponseRedirect(back)
        context = {"intro": question.intro, "button": question.button, "back": back}
        return admin_page(self, request, title=question.title, original=row, adminform=laid_out(form), **context)

    def _act(self, request: HttpRequest, row: models.Model, question: Question, act: Callable[[], str]) -> None:
        try:
            said = act()
        except question.refusals as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
        else:
            self.log_change(request, row, said)
            self.message_user(request, said, messages.SUCCESS)


def require(request: HttpRequest, *permissions: str) -> None:
    if not all(request.user.has_perm(permission) for permission in permissions):
        raise PermissionDenied


def require_superuser(request: HttpRequest) -> None:
    if not request.user.is_superuser:
        raise PermissionDenied


def staff_user(request: HttpRequest) -> User:
    """Return the staff member making the request: the admin lets nobody else in."""
    return cast("User", request.user)


def cents_column(name: str, label: str) -> Any:
    """Return a column that shows a row's cents in dollars."""

    @admin.display(description=label, ordering=name)
    def shown(row: Any) -> str:
        cents = getattr(row, name)
        return "" if cents is None else dollars(cents)

    return shown
