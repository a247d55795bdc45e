"""Django's permission check, answered from the role table."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Permission
from django.db.models import Model

from accounts.core.roles import ADMIN, permissions_of
from accounts.models import User


class RoleBackend(ModelBackend):
    """Checks passwords as Django does; a role stands where a group would."""

    def get_group_permissions(
        self, user_obj: Any, obj: Model | None = None
    ) -> set[str]:
        if not _is_active_person(user_obj) or obj is not None:
            return set()
        if user_obj.role == ADMIN:
            names = Permission.objects.values_list(
                "content_type__app_label", "codename"
            )
            return {f"{app}.{codename}" for app, codename in names.order_by()}
        return set(permissions_of(user_obj.role))

    def has_perm(self, user_obj: Any, perm: str, obj: Model | None = None) -> bool:
        if not _is_active_person(user_obj):
            return False
        # Security staff may open everything in the console; what is history is
        # protected by the admin classes and by triggers.
        if user_obj.role == ADMIN:
            return True
        return super().has_perm(user_obj, perm, obj=obj)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        if not _is_active_person(user_obj):
            return False
        if user_obj.role == ADMIN:
            return True
        return super().has_module_perms(user_obj, app_label)


def _is_active_person(user: User | AnonymousUser) -> bool:
    return isinstance(user, User) and user.is_active
