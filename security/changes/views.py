"""Pages of the changes that wait for a second person."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from audit.base.context import Principal, caller
from audit.base.errors import DomainError
from audit.base.pages import requested_page
from audit.services.recording import record_forbidden
from security.changes.core.wording import change_lines
from security.changes.forms import ChangeVerdictForm
from security.changes.models import ChangeRequest
from security.changes.queries import change_requests_visible_to, currency_of, may_decide
from security.changes.services import approve_change, reject_change
from security.limits.form_limits import limit_form

PAGE_SIZE = 50
SHOWN = 200


@require_safe
@login_required
def change_list(request: HttpRequest) -> HttpResponse:
    """Show what waits, then what was resolved, of all that a person may see."""
    changes = change_requests_visible_to(caller(request))
    waiting = changes.filter(status=ChangeRequest.Status.WAITING).order_by("expires_at")
    resolved = changes.exclude(status=ChangeRequest.Status.WAITING)
    page = requested_page(resolved, request, size=PAGE_SIZE)
    values = {"waiting": waiting[:SHOWN], "page": page, "now": timezone.now()}
    return render(request, "security/change_list.html", values)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@limit_form("high_risk")
def change_detail(request: HttpRequest, change_id: str) -> HttpResponse:
    """Show what would change, or take a person's word on it."""
    person = caller(request)
    change = change_requests_visible_to(person).filter(pk=change_id).first()
    if change is None:
        raise Http404
    if request.method != "POST":
        return _page(request, change, ChangeVerdictForm())
    if not (_asked(change, person) or may_decide(change, person)):
        raise PermissionDenied
    return _answer(request, change)


def _answer(request: HttpRequest, change: ChangeRequest) -> HttpResponse:
    """Approve or reject; a refusal shows the page as it is now, the reason kept."""
    form = ChangeVerdictForm(request.POST)
    if not form.is_valid():
        return _page(request, change, form, status=400)
    approves = form.cleaned_data["verdict"] == ChangeVerdictForm.APPROVE
    act = approve_change if approves else reject_change
    try:
        change = act(
            change.pk, acting=caller(request), reason=form.cleaned_data["reason"]
        )
    except DomainError as error:
        if error.ends_page:
            raise
        return _refused(request, change, form, error)
    messages.success(request, f"{change.get_status_display()}: {change}.")
    return redirect("security:change-list")


def _refused(
    request: HttpRequest,
    change: ChangeRequest,
    form: ChangeVerdictForm,
    error: DomainError,
) -> HttpResponse:
    record_forbidden(request, error)
    form.add_error(None, error.detail)
    change.refresh_from_db()
    return _page(request, change, form, status=error.status)


def _page(
    request: HttpRequest,
    change: ChangeRequest,
    form: ChangeVerdictForm,
    *,
    status: int = 200,
) -> HttpResponse:
    person = caller(request)
    is_waiting = change.status == ChangeRequest.Status.WAITING
    is_late = is_waiting and change.expires_at <= timezone.now()
    is_open = is_waiting and not is_late
    values = {
        "change": change,
        "lines": change_lines(change.changes, currency_of(change)),
        "form": form,
        "is_late": is_late,
        "may_decide": is_open and may_decide(change, person),
        "may_withdraw": is_open and _asked(change, person),
    }
    return render(request, "security/change_detail.html", values, status=status)


def _asked(change: ChangeRequest, person: Principal) -> bool:
    return change.requested_by_id == person.principal_id
