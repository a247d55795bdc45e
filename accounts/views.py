"""The sign-in and sign-out pages, one's own password, and one's own sign-ins."""

from __future__ import annotations

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import cookies, devices, queries
from accounts.errors import InvalidCredentials
from accounts.forms import OwnPasswordForm, SignInForm
from accounts.models import User
from accounts.permissions import person_of
from accounts.services.sessions import (
    revoke_all_sessions,
    revoke_session,
    sign_out_browser,
)
from accounts.services.sign_in import SIGN_IN, start_browser_session
from security.errors import StepUpRequired
from security.limits.form_limits import limit_form
from security.step_up import require_step_up


class SignInView(LoginView):
    """Limits by address and by name, then lock-out, then the password hash.

    The second factor, where one is enrolled, is asked by allauth's next step.
    """

    form_class = SignInForm
    template_name = "accounts/login.html"
    redirect_authenticated_user = True

    def form_valid(self, form: SignInForm) -> HttpResponse:  # type: ignore[override] # Our form_class.
        user = form.get_user()
        login = Login(user=user, redirect_url=self.get_success_url())
        try:
            response: HttpResponse = perform_password_login(
                self.request, {"username": user.get_username()}, login
            )
        except InvalidCredentials as error:
            form.add_error(None, error.detail)
            return self.form_invalid(form)
        return response


def _name_and_device(request: HttpRequest) -> str:
    return devices.name_and_device(request, request.POST.get("username", ""))


sign_in = limit_form("auth")(limit_form("auth", _name_and_device)(SignInView.as_view()))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the browser's session."""
    sign_out_browser(request=request, session_id=request.session.get(SIGN_IN, ""))
    response = redirect("account_login")
    cookies.forget(response)
    return response


class OwnPasswordView(PasswordChangeView):
    """Change one's own password; every other sign-in ends, this one gets a new id.

    A person with a second factor proves it first: the old password is weaker.
    """

    form_class = OwnPasswordForm
    template_name = "accounts/password.html"
    success_url = reverse_lazy("home")

    def dispatch(
        self, request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponseBase:
        user = request.user
        if isinstance(user, User) and queries.factor_types(user):
            try:
                require_step_up(user)
            except StepUpRequired:
                if request.method == "POST":
                    # What is taken up again is kept, and no password ever is.
                    return redirect("accounts:password")
                raise
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: OwnPasswordForm) -> HttpResponse:  # type: ignore[override] # Our form_class.
        form.save(commit=True)
        user = person_of(self.request)
        method = queries.method_of(self.request.session.get(SIGN_IN, ""))
        start_browser_session(request=self.request, user=user, method=method)
        messages.success(self.request, "Your password is changed.")
        return redirect(self.get_success_url())


@require_safe
@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    """Show one's own sign-ins, by browser and by API, the newest first."""
    live = queries.live_sessions(person_of(request), now=timezone.now())
    values = {"sessions": live, "current": request.session.get(SIGN_IN)}
    return render(request, "accounts/sessions.html", values)


@require_POST
@login_required
@limit_form("default")
def end_session(request: HttpRequest, session_id: str) -> HttpResponse:
    """End one of one's own sign-ins, at once."""
    person = person_of(request)
    live = queries.live_sessions(person, now=timezone.now())
    session = live.select_related("user").filter(pk=session_id).first()
    if session is None:
        raise Http404
    is_this_one = session_id == request.session.get(SIGN_IN)
    revoke_session(session=session, acting=person, reason="by_owner")
    messages.success(request, "That sign-in has ended.")
    response = redirect("account_login" if is_this_one else "accounts:sessions")
    if is_this_one:
        cookies.forget(response)
    return response


@require_POST
@login_required
@limit_form("default")
def end_all_sessions(request: HttpRequest) -> HttpResponse:
    """End all of one's own sign-ins, this one too."""
    person = person_of(request)
    revoke_all_sessions(user=person, acting=person, reason="by_owner")
    messages.success(request, "You are signed out everywhere.")
    response = redirect("account_login")
    cookies.forget(response)
    return response
