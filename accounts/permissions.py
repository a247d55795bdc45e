"""Permissions of endpoints; composable with & and |."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import User

if TYPE_CHECKING:  # DRF's settings import this module while APIView is being made.
    from rest_framework.views import APIView


class IsPerson(BasePermission):
    """A person with a live session; an agent's token is never enough."""

    message = "This is for people; agents' tokens are refused."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, User) and request.user.is_active


def HasPermission(permission: str) -> type[IsPerson]:  # noqa: N802 - reads as a class.
    """Return the permission class "a person who has `app.codename`"."""

    class Holds(IsPerson):
        message = f"This needs the permission {permission}."

        def has_permission(self, request: Request, view: APIView) -> bool:
            return super().has_permission(request, view) and request.user.has_perm(
                permission
            )

    return Holds


def person_of(request: Request | HttpRequest) -> User:
    """Return the person whom a permission class, a login or the console let in."""
    assert isinstance(request.user, User)  # noqa: S101 - let in before.
    return request.user
