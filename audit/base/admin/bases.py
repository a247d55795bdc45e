"""What the console of every app is made of: two bases, ids, times."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import (
    ALL_VAR,
    ORDER_VAR,
    PAGE_VAR,
    SEARCH_VAR,
    ChangeList,
)
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.views.decorators.csrf import csrf_protect

from audit.base.admin.acting import ActingAdmin
from audit.base.core.visible import visible
from audit.base.errors import DomainError
from audit.base.pages import page_number
from audit.base.refused import ParameterRefused, refuse_unknown

if TYPE_CHECKING:
    AnyPaginator = Paginator[Any]
else:  # At run time Django's class takes no parameters.
    AnyPaginator = Paginator

COUNT_LIMIT = 10_000
# What Django's own list filters append to a field's name.
FILTERED_BY = ("", "__exact", "__isnull", "__isempty", "__id__exact")


class BoundedPaginator(AnyPaginator):
    """Counts to a limit and stops: a log's length is nobody's question."""

    @cached_property
    def count(self) -> int:
        # A queryset whenever the admin asks.
        found: QuerySet[Any] = self.object_list[:COUNT_LIMIT]  # type: ignore[assignment]
        return found.count()


class ConsoleAdmin(ActingAdmin):
    """What both bases share."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    # What links elsewhere filter this list by, in addition to its own filters.
    linked_by: ClassVar[tuple[str, ...]] = ()

    def lookup_allowed(
        self, lookup: str, value: str, request: HttpRequest | None = None
    ) -> bool:
        """Allow what the list's own filters and our own links ask by, nothing else.

        Django allows any field of the row by any operator: `password__regex` would read
        a hash character by character.
        """
        return lookup in self._filtered_by(cast("HttpRequest", request))

    def _filtered_by(self, request: HttpRequest) -> set[str]:
        allowed = set(self.linked_by)
        for one in self.get_list_filter(request):
            match one:
                case str(name) | (str(name), _):
                    allowed |= {f"{name}{suffix}" for suffix in FILTERED_BY}
                case _:
                    allowed.add(getattr(one, "parameter_name", ""))
        return allowed

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Return the list that is asked for. Raises ParameterRefused.

        Django ignores a search where nothing is searched, a filter's value and an
        order that it does not know.
        """
        searched = (SEARCH_VAR,) if self.get_search_fields(request) else ()
        known = {PAGE_VAR, ALL_VAR, ORDER_VAR, *searched, *self._filtered_by(request)}
        refuse_unknown(request, known)
        try:
            shown: ChangeList = super().get_changelist_instance(request)
        except IncorrectLookupParameters as error:
            raise ParameterRefused(
                "A filter of this list has no such value."
            ) from error
        _refuse_ignored(shown)
        return shown

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show the page that is asked for. Django shows the first for `?p=abc`."""
        page_number(request, PAGE_VAR)
        return super().changelist_view(request, extra_context)

    def history_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Redirect to the audit log: it has more than the admin's own history."""
        return redirect(timeline_url(unquote(object_id)))


class HistoryAdmin(ConsoleAdmin):
    """Base of everything that is history: read, never added, changed or deleted."""

    paginator = BoundedPaginator
    list_per_page = 50
    list_max_show_all = 50
    actions: Any = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ServiceAdmin(ConsoleAdmin):
    """Base of everything that people change here: by services, never by a raw save.

    A subclass overrides `save_model` to call a service (and, for a new object, to
    set `obj.pk` to what it made). The admin would wrap that in a transaction of its
    own, in which a durable service raises; here it does not. A DomainError becomes an
    error of the form, which keeps what was typed, and nothing is changed. Deleting is
    off, and so is Django's own history, because each service writes to the audit log.
    """

    def save_model(
        self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: Any
    ) -> None:
        raise NotImplementedError(f"{type(self).__name__} must call a service.")

    @method_decorator(csrf_protect)
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        # What Django's own changeform_view() calls, without its transaction.
        view: Callable[..., HttpResponse] = self._changeform_view  # type: ignore[attr-defined]
        try:
            return view(request, object_id, form_url, extra_context)
        except DomainError as error:
            if error.ends_page:
                raise
            # Once more, now with the refusal as the form's own error: see get_form().
            request.refusal = error  # type: ignore[attr-defined]
            return view(request, object_id, form_url, extra_context)

    def get_form(
        self,
        request: HttpRequest,
        obj: Any = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        refusal: DomainError | None = getattr(request, "refusal", None)
        return _refusing(form, refusal) if refusal else form

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: Any
    ) -> None:
        """Nothing: what belongs to the object is the service's too."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, Any]]:
        """Nothing: it would ask the formsets what they saved, and they save nothing."""
        return []

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def run_for_each(
        self,
        request: HttpRequest,
        objects: Iterable[Model],
        use_case: Callable[[Any], object],
        *,
        done: str,
    ) -> None:
        """Run a service for each chosen object, and show each result.

        `done` is what to say of those that went well, e.g. "acknowledged".
        """
        succeeded = 0
        for item in objects:
            try:
                use_case(item)
            except DomainError as error:
                if error.ends_page:
                    raise
                self.message_user(request, f"{item}: {error.detail}", messages.ERROR)
            else:
                succeeded += 1
        if succeeded:
            self.message_user(request, f"{succeeded} {done}.", messages.SUCCESS)


def _refuse_ignored(shown: ChangeList) -> None:
    for spec in shown.filter_specs:
        if isinstance(spec, admin.SimpleListFilter):
            offered = {str(value) for value, _ in spec.lookup_choices}
            if spec.value() not in {None, *offered}:
                raise ParameterRefused(f"{spec.title}: there is no such value.")
    columns = {str(number) for number in range(len(shown.list_display))}
    for part in filter(None, shown.params.get(ORDER_VAR, "").split(".")):
        if part.removeprefix("-") not in columns:
            raise ParameterRefused("This list has no such column to order by.")


def _refusing(form: Any, refusal: DomainError) -> Any:
    """Return the form's class with a service's refusal as an error of its own."""
    pointed_at = (refusal.pointer or "").strip("/")

    class Refused(form):  # type: ignore[misc] # a class that only get_form() knows.
        def clean(self) -> Any:
            given = super().clean()
            field = pointed_at if pointed_at in self.fields else None
            self.add_error(field, refusal.detail)
            return given

    return Refused


def short_id(identifier: str) -> SafeString:
    """Return the end of an id, which distinguishes it, with the whole on hover."""
    return format_html(
        '<span class="short-id" title="{}">…{}</span>',
        visible(identifier),
        visible(identifier[-8:]),
    )


def timeline_url(target_id: str) -> str:
    """Return the address of the audit log cut to one object."""
    query = urlencode({"target_id": target_id})
    return f"{reverse('admin:audit_auditevent_changelist')}?{query}"


class TimeFilter(admin.SimpleListFilter):
    """Stands in for date_hierarchy, which reads the whole log to draw itself."""

    title = "time"
    parameter_name = "within"
    column = "occurred_at"
    spans: ClassVar[dict[str, tuple[str, timedelta]]] = {
        "hour": ("The last hour", timedelta(hours=1)),
        "day": ("The last 24 hours", timedelta(days=1)),
        "week": ("The last 7 days", timedelta(days=7)),
        "month": ("The last 31 days", timedelta(days=31)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, label) for name, (label, _) in self.spans.items()]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> QuerySet[Any] | None:
        span = self.spans.get(self.value() or "")
        if span is None:
            return None
        return queryset.filter(**{f"{self.column}__gte": timezone.now() - span[1]})
