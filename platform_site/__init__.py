from __future__ import annotations

from platform_site.celery import app as celery_app
from platform_site.run.libpq import forget_libpq_settings

__all__ = ["celery_app"]

# In every process, before it connects to anything.
forget_libpq_settings()
