"""What can be done with one object stands on its page, not only in its list."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.forms import BoundField
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:  # At run time Django's class takes no parameters.
    ModelAdmin = admin.ModelAdmin

# The button of a page that was pressed, among what its form sends.
ACT = "_act"


@dataclass(frozen=True, slots=True)
class PageAction:
    """A button on the page of an object."""

    name: str
    label: str
    is_irreversible: bool


class ActingAdmin(ModelAdmin):
    """Offers the actions of the list on the page of each object, by the same code.

    So whatever a list asks of an action (a permission, a reason, a fresh proof), a page
    asks as well.
    """

    # What cannot be taken back: the page asks twice.
    irreversible: ClassVar[tuple[str, ...]] = ()

    def possible_actions(self, request: HttpRequest, obj: Any) -> Collection[str]:
        """Return the names of the actions that the state of an object allows."""
        return ()

    def page_actions(self, request: HttpRequest, obj: Any) -> list[PageAction]:
        """Return the buttons of an object's page, in the order of the list's menu."""
        possible = self.possible_actions(request, obj)
        return [
            PageAction(name, str(label), name in self.irreversible)
            for name, (_, _, label) in self._offered(request).items()
            if name in possible
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method == "POST" and ACT in request.POST:
            return self._act(request, unquote(object_id))
        return super().change_view(request, object_id, form_url, extra_context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kw: Any
    ) -> Any:
        if kw.get("obj") is not None:
            actions = self.page_actions(request, kw["obj"])
            context |= {"page_actions": actions, "page_fields": self._page_fields()}
        return super().render_change_form(request, context, *args, **kw)

    def _act(self, request: HttpRequest, key: str) -> HttpResponse:
        """Do with one object what the list does with those that are ticked."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        pressed = self._offered(request).get(request.POST[ACT])
        if pressed is None:
            raise PermissionDenied
        if self.get_object(request, key) is None:
            raise Http404
        chosen = self.get_queryset(request).filter(pk=key)
        answer = pressed[0](self, request, chosen)
        if isinstance(answer, HttpResponse):
            return answer
        if chosen.exists():
            return redirect(request.get_full_path())
        meta = self.opts
        return redirect(reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"))

    def _offered(self, request: HttpRequest) -> dict[str, Any]:
        """Return what this person may do in the list: name -> (code, name, label)."""
        offered: dict[str, Any] = self.get_actions(request)
        return offered

    def _page_fields(self) -> list[BoundField]:
        """Return what actions ask for, such as a reason."""
        asked = self.action_form(auto_id="act-%s")
        return [field for field in asked if field.name not in _OF_A_LIST]


# The other fields of a list's action form: the action and its rows.
_OF_A_LIST = ("action", "select_across")
