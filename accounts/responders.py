"""How an incident, or a person, stops a person: every sign-in ends, none begins."""

from __future__ import annotations

from accounts.core.roles import ADMIN
from accounts.models import User
from accounts.queries import serves_oneself
from accounts.services.sessions import end_all_sessions
from audit.base.context import Principal
from audit.base.errors import NotFound, NotPermitted
from security.errors import LastUnlocker
from security.locks.queries import live_locks
from security.locks.responders import Target, register


class UserResponder:
    """Ends the sessions; sign-in and the agents' decisions read the lock itself."""

    def lock(
        self, target_id: str, *, acting: Principal, reason: str, incident: str | None
    ) -> None:
        if acting.kind == "system":
            _spare_the_last_unlocker(target_id)
        end_all_sessions(_locked(target_id), acting, "locked")

    def unlock(self, target_id: str, *, acting: Principal, reason: str) -> None:
        if serves_oneself(acting, target_id):
            raise NotPermitted("Another person must unlock what is yours.")
        _locked(target_id)

    def describe(self, target_id: str) -> Target | None:
        user = User.objects.filter(pk=target_id).first()
        return Target(user.pk, user.username, user.pk) if user else None


def register_responders() -> None:
    """Register the lock on people; called once, when the app is ready."""
    register("user", UserResponder())


def _spare_the_last_unlocker(user_id: str) -> None:
    """Raise LastUnlocker if nobody but this person could sign in and unlock.

    Administrators are the ones who may. All their rows are locked, in one order, so
    that two incidents at once do not each spare the other's.
    """
    administrators = User.objects.filter(role=ADMIN, is_active=True)
    rows = list(administrators.select_for_update().order_by("pk"))
    stopped = set(live_locks("user").values_list("target_id", flat=True))
    able = {person.pk for person in rows if person.has_usable_password()} - stopped
    if able == {user_id}:
        raise LastUnlocker


def _locked(user_id: str) -> User:
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user is None:
        raise NotFound
    return user
