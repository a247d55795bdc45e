"""Permissions for packages below `accounts`: they name a permission, never a role."""

from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from audit.base.context import caller, holds


class IsHuman(BasePermission):
    """A person who is signed in, whatever they may do."""

    message = "This is for people; agents' tokens are refused."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return caller(request).is_human


def requires(permission: str) -> type[BasePermission]:
    """Return the DRF permission class that asks for "app.codename" of a person."""

    class Requires(BasePermission):
        message = f"This needs the permission {permission}."

        def has_permission(self, request: Request, view: APIView) -> bool:
            return holds(caller(request), permission)

    return Requires
