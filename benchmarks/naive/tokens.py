"""`python -m benchmarks.naive.tokens 8`: make tables and agents, print tokens."""

from __future__ import annotations

import json
import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.naive.settings"

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from rest_framework_simplejwt.tokens import AccessToken  # noqa: E402

from benchmarks.naive.models import Agent  # noqa: E402


def make_agent(number: int) -> str:
    """Make an agent with wide limits and return its token."""
    user = User.objects.create_user(f"agent-{number}")
    Agent.objects.create(
        user=user,
        name=user.username,
        max_amount=1_000_000,
        daily_budget=1_000_000_000,
        max_per_hour=1_000_000_000,
    )
    return str(AccessToken.for_user(user))


call_command("migrate", verbosity=0)
call_command("migrate", run_syncdb=True, verbosity=0)  # Ours refer to Django's users.
json.dump([make_agent(number) for number in range(int(sys.argv[1]))], sys.stdout)
