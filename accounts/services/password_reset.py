"""A forgotten password: allauth makes and checks the link, we mail and log it."""

from __future__ import annotations

import logging

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from celery import current_app
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.errors import OwnAuthorityRefused, PersonErased
from accounts.models import User
from accounts.services.provisioning import Act, note_provisioning
from accounts.services.sessions import target
from audit.base.context import Principal, System
from audit.services.recording import record
from security.step_up import takes_proof

logger = logging.getLogger(__name__)
ACTOR = System("password reset")
SENDING_NOTHING = {
    f"django.core.mail.backends.{kind}.EmailBackend" for kind in ("console", "dummy")
}


def queue_password_reset(email: str) -> None:
    """Let a job mail the link: the request's time would reveal known addresses."""
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


@takes_proof
def start_password_reset(*, user: User, acting: Principal) -> str | None:
    """Let another person choose a new password: mail them a link good for one use.

    Returns the link, to be handed over, where it cannot be mailed. The account's word
    counts as the caller's, too, until another administrator confirms it (C16). Takes a
    fresh proof. Raises PersonErased, OwnAuthorityRefused for one's own, StepUpRequired.
    """
    if acting.principal_id == user.pk:
        raise OwnAuthorityRefused("Your own password has a page of its own.")
    with transaction.atomic(durable=True):
        person = User.objects.select_for_update().get(pk=user.pk)
        if person.erased_at is not None:
            raise PersonErased
        record(
            "user.password_reset_started",
            target=target(person),
            owner_id=person.pk,
            actor=acting,
        )
        note_provisioning(person, Act.RESET, acting=acting)
    if not person.email or settings.EMAIL_BACKEND in SENDING_NOTHING:
        return link_for_password(person)
    try:
        _mail(person)
    except OSError:
        logger.exception("The mail server took no password link.")
        return link_for_password(person)
    return None


def link_for_password(person: User) -> str:
    """Return an address at which a person sets a password, once, within an hour."""
    key = (user_pk_to_url_str(person), default_token_generator.make_token(person))
    address = reverse("account_reset_password_from_key", args=key)
    # Our own address, whatever Host the request was sent to.
    return str(settings.BASE_URL + address)


def _mail(person: User) -> None:
    values = {"person": person, "link": link_for_password(person)}
    send_mail(
        "A new password for the AI Agent Platform",
        render_to_string("accounts/password_reset_mail.txt", values),
        None,
        [person.email],
    )
