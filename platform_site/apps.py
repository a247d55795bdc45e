from __future__ import annotations

import gc

from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig

# Their admins would bypass our services and the audit log.
UNREGISTERED_APPS = ("account", "django_celery_beat", "mfa", "socialaccount")


class PlatformSiteConfig(AppConfig):
    name = "platform_site"

    def ready(self) -> None:
        from platform_site import checks  # noqa: F401 - registers the system checks.


class ConsoleConfig(AdminConfig):
    """Django's admin, as the security console."""

    default_site = "platform_site.console.Console"

    def ready(self) -> None:
        super().ready()
        from django.contrib import admin

        apps.get_app_config("axes").verbose_name = "Failed sign-ins"
        for label in UNREGISTERED_APPS:
            for model in apps.get_app_config(label).get_models():
                if admin.site.is_registered(model):
                    admin.site.unregister(model)
        gc.freeze()
        gc.enable()
