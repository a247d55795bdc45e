"""Reads about people: who may see whom, and which sessions live."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet

from accounts.core.roles import MANAGER, has_capability
from accounts.models import Session, User


def owners_visible_to(user: User) -> QuerySet[User]:
    """Return the people whose agents and transactions `user` may see.

    All for who can view all data, the own team for a manager, else only themselves;
    nobody for a deactivated account. Source: Security Considerations, RBAC.
    """
    if not user.is_active:
        return User.objects.none()
    if has_capability(user.role, "can_view_all_data"):
        return User.objects.all()
    if user.role == MANAGER and user.team_id is not None:
        return User.objects.filter(Q(pk=user.pk) | Q(team=user.team_id))
    return User.objects.filter(pk=user.pk)


def live_sessions(user: User, *, now: datetime) -> QuerySet[Session]:
    """Return the person's sign-ins by API that can still be refreshed."""
    return Session.objects.filter(user=user, ended_at=None, expires_at__gt=now)


def session_for_access(
    session_id: str, user_id: str, *, now: datetime
) -> Session | None:
    """Return the live session of an access token with its active user: one query."""
    return (
        Session.objects.select_related("user")
        .filter(
            pk=session_id,
            user_id=user_id,
            user__is_active=True,
            ended_at=None,
            expires_at__gt=now,
        )
        .first()
    )
