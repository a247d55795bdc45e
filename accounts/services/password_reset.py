"""A forgotten password: allauth makes and checks the link, we mail and log it."""

from __future__ import annotations

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from celery import current_app
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import User
from accounts.services.sessions import target
from audit.context import System
from audit.services import record

ACTOR = System("password reset")


def queue_password_reset(email: str) -> None:
    """Have a job mail the link: in the request, its time would tell who we know."""
    current_app.send_task("accounts.tasks.send_password_reset", [email])


def mail_password_reset(email: str) -> int:
    """Mail each active person of an address a link good for one use; return how many.

    Somebody without a usable password signs in another way, and gets none. The event
    is written first; what the mail server refuses, the job tries no further.
    """
    people = User.objects.filter(email__iexact=email, is_active=True)
    able = [person for person in people if person.has_usable_password()]
    for person in able:
        with transaction.atomic(durable=True):
            record(
                "user.password_reset_asked",
                target=target(person),
                owner_id=person.pk,
                actor=ACTOR,
            )
        _mail(person)
    return len(able)


def _mail(person: User) -> None:
    key = (user_pk_to_url_str(person), default_token_generator.make_token(person))
    address = reverse("account_reset_password_from_key", args=key)
    # Our own address, whatever Host the request was sent to.
    values = {"person": person, "link": settings.BASE_URL + address}
    send_mail(
        "A new password for the AI Agent Platform",
        render_to_string("accounts/password_reset_mail.txt", values),
        None,
        [person.email],
    )
