"""Acts on another person's account, and their confirmation (C16)."""

from __future__ import annotations

from collections.abc import Iterable

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.utils import timezone

from accounts.core.passwords import FIRST_PASSWORD_LASTS
from accounts.errors import OwnAuthorityRefused
from accounts.models import Provisioning, User
from accounts.queries import acts_waiting, humans_of, speakers_of
from accounts.services.own_rights import CHANGE_USER
from accounts.services.sessions import end_all_sessions, target
from audit.base.context import Principal, holds
from audit.base.errors import NotPermitted
from audit.services.recording import record
from security.alerts.services import raise_at_once
from security.step_up import takes_proof

Act = Provisioning.Act
# By which of PersonChanges somebody could come to speak through an account.
ACTS = {"role": Act.ROLE, "email": Act.EMAIL}
# By which somebody could sign in as the account.
OPENING = frozenset(Act) - {Act.ROLE}


def note_provisioning(person: User, act: Act, *, acting: Principal) -> None:
    """Write down what a person did to another's account, and alert.

    Call it within the transaction of the act. It writes nothing if the platform itself
    acts, or an operator by command: no person can use the account by that.
    """
    if isinstance(acting, User) and acting.pk != person.pk:
        Provisioning.objects.create(user=person, act=act, made_by=acting)
        raise_at_once("account_provisioned")


@takes_proof
def confirm_account(*, user: User, acting: Principal) -> int:
    """Agree to what others did to an account, so that its word is its person's alone.

    Returns how many acts were confirmed: all but those that are the caller's own, as
    humans_of() has it. What their makers may hold of the account ends: _take_back().
    Takes the right to change anybody's rights, and a fresh proof.
    Raises NotPermitted, OwnAuthorityRefused where every act is the caller's own or the
    account is; StepUpRequired.
    """
    if not isinstance(acting, User) or not holds(acting, CHANGE_USER):
        raise NotPermitted
    with transaction.atomic(durable=True):
        person = User.objects.select_for_update().get(pk=user.pk)
        own = humans_of(acting)
        waiting = list(acts_waiting(person))
        others = [act for act in waiting if not _makers(act) & own]
        if waiting and (not others or person.human_id in own):
            raise OwnAuthorityRefused("Another administrator must confirm this.")
        for act in others:
            act.confirmed_by, act.confirmed_at = acting, timezone.now()
            act.save(update_fields=["confirmed_by", "confirmed_at"])
        if others:
            _take_back(person, others, acting=acting)
            record(
                "user.confirmed",
                target=target(person),
                owner_id=person.pk,
                details={
                    "acts": [f"{act.act} by {act.made_by_id}" for act in others],
                },
                actor=acting,
            )
    return len(others)


def _take_back(
    person: User, acts: Iterable[Provisioning], *, acting: Principal
) -> None:
    """End all access that the makers of an account may have, gained since.

    Sign-ins, second factors and identities end. The password works once more, to choose
    another: if a maker knew it and uses it first, the person notices, because their own
    no longer works. Open links end by the confirmation itself (accounts.links).
    """
    opened = [act.made_at for act in acts if act.act in OPENING]
    if not opened:
        return
    since = min(opened)
    Authenticator.objects.filter(user=person, created_at__gte=since).delete()
    SocialAccount.objects.filter(user=person, date_joined__gte=since).delete()
    end_all_sessions(person, acting, "confirmed")
    if person.has_usable_password() and person.first_password_ends_at is None:
        person.first_password_ends_at = timezone.now() + FIRST_PASSWORD_LASTS
        person.save(update_fields=["first_password_ends_at"])


def _makers(act: Provisioning) -> frozenset[str]:
    rows = Provisioning.objects.filter(pk=act.pk)
    return humans_of(act.made_by, *speakers_of(rows, "made_by", "made_at"))
