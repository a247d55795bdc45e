"""Erasing a person: how to reach and recognise them goes, what they did stays."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.db import transaction
from django.utils import timezone

from accounts.errors import PersonActive, PersonErased
from accounts.models import Session, User
from accounts.services.sessions import target
from audit.base.context import Principal
from audit.services.recording import record
from audit.services.saved_filters import forget_filters
from security.step_up import takes_proof

OWNED = (Authenticator, EmailAddress, SocialAccount, Session)
FAILED_SIGN_INS = (AccessAttempt, AccessFailureLog, AccessLog)


@takes_proof
def erase_person(*, user: User, acting: Principal) -> None:
    """Forget who a person was who was deactivated, for good; their id stays.

    Agents, transactions and the log go on naming that id. History that was written
    under their user name stays as it was: the log, alerts, locks, incidents, changes.
    Takes a fresh proof: raises StepUpRequired; and PersonActive, PersonErased.
    """
    with transaction.atomic(durable=True):
        person = User.objects.select_for_update().get(pk=user.pk)
        if person.erased_at is not None:
            raise PersonErased
        if person.is_active:
            raise PersonActive
        for failures in FAILED_SIGN_INS:
            failures.objects.filter(username__iexact=person.username).delete()
        for owned in OWNED:
            owned.objects.filter(user=person).delete()
        forget_filters(person.pk)
        person.user_permissions.clear()
        person.set_unusable_password()
        person.username = f"erased-{person.pk}"
        person.full_name = person.email = person.phone = ""
        person.last_login = None
        person.erased_at = timezone.now()
        person.save(
            update_fields=[
                "username",
                "password",
                "full_name",
                "email",
                "phone",
                "last_login",
                "erased_at",
            ]
        )
        record("user.erased", target=target(person), owner_id=person.pk, actor=acting)
