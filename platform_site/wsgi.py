from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from platform_site.bodies import with_length

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "platform_site.settings")

application = with_length(get_wsgi_application())

from platform_site import urls  # noqa: E402, F401 - loaded before forking.
from platform_site.checks import refuse_unsafe_start  # noqa: E402 - after set-up.

refuse_unsafe_start()
