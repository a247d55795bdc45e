"""People, the teams that managers answer for, and their sign-ins."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models, transaction
from django.db.models import Value
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.core import roles, sessions
from accounts.core.passwords import FIRST_PASSWORD_LASTS
from accounts.core.usernames import canonical_username
from audit.base.context import System
from audit.base.ids import PrefixedIdField
from audit.services.recording import record
from security.alerts.services import raise_at_once
from security.encryption.fields import EncryptedTextField


class Team(models.Model):
    """People who work together; its managers see and approve for its members."""

    id = PrefixedIdField("tea")
    name = models.CharField(max_length=100, unique=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Finds a person however the name was typed; makes the first administrator."""

    def get_by_natural_key(self, username: str | None) -> User:
        name = canonical_username(username or "")
        if name is None:
            raise self.model.DoesNotExist
        lowered = self.alias(lowered=Lower("username"))
        return lowered.get(lowered=Lower(Value(name)))

    def create_superuser(
        self, username: str, email: str = "", password: str | None = None
    ) -> User:
        """Make an administrator for `createsuperuser`, and record it.

        The person may not be the one who runs the command. So the password ends at its
        first use or after a day, as every first password does.
        """
        user = self.model(
            username=self.model.normalize_username(username),
            email=self.normalize_email(email),
            role=roles.ADMIN,
            is_superuser=True,
            first_password_ends_at=timezone.now() + FIRST_PASSWORD_LASTS,
        )
        user.set_password(password)
        user.full_clean()
        with transaction.atomic():
            user.save(force_insert=True)
            record(
                "user.created",
                target=("user", user.pk, user.username),
                owner_id=user.pk,
                details={"role": user.role, "is_superuser": True},
                actor=System("createsuperuser"),
            )
            raise_at_once("superuser_created")
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The role decides what they may do; `groups` stay unused."""

    class Role(models.TextChoices):
        ADMIN = roles.ADMIN
        MANAGER = roles.MANAGER
        USER = roles.USER

    id = PrefixedIdField("usr")
    username = models.CharField(max_length=150, validators=[UnicodeUsernameValidator()])
    full_name = models.CharField(max_length=200, blank=True)
    email = models.EmailField(blank=True)
    phone = EncryptedTextField(blank=True, help_text="Encrypted at rest.")
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.USER)
    team = models.ForeignKey(
        Team, models.PROTECT, null=True, blank=True, related_name="members"
    )
    is_active = models.BooleanField(
        default=True, help_text="Deactivate people instead of deleting them."
    )
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    same_person_as = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="other_accounts",
        help_text="Another account of the same human: the two never count as two.",
    )
    erased_at = models.DateTimeField(
        null=True, editable=False, help_text="Since then only the id is theirs."
    )
    first_password_ends_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="Somebody else knows the password: it proves nothing after this.",
    )

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]
    objects = UserManager()

    # The Principal protocol (audit.base.context); set by authentication.
    kind: Literal["user"] = "user"
    is_human = True
    authenticated_at: datetime | None = None

    class Meta:
        ordering = ["username"]
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="username_once_whatever_its_case",
                violation_error_message="That username is taken.",
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=list(roles.ROLE_PERMISSIONS)),
                name="role_known",
            ),
            models.CheckConstraint(
                condition=models.Q(is_superuser=False) | models.Q(role=roles.ADMIN),
                name="superuser_is_admin",
            ),
            models.CheckConstraint(
                condition=models.Q(erased_at=None) | models.Q(is_active=False),
                name="erased_stays_inactive",
            ),
            models.CheckConstraint(
                condition=~models.Q(same_person_as=models.F("id")),
                name="linked_to_another",
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def is_staff(self) -> bool:
        """Security staff, who use the console, are the admins."""
        return self.role == roles.ADMIN

    @property
    def principal_id(self) -> str:
        return str(self.pk)

    @property
    def owner_id(self) -> str:
        return str(self.pk)

    @property
    def label(self) -> str:
        return self.username

    @property
    def human_id(self) -> str:
        """The id that all accounts of the same human share (accounts.services)."""
        return str(self.same_person_as_id or self.pk)


class Provisioning(models.Model):
    """What somebody did to another's account by which they could speak through it.

    Until another administrator confirms it, the account's word counts as theirs too
    (queries.humans_of). A trigger lets only the confirmation be written, once.
    """

    class Act(models.TextChoices):
        MADE = "made"
        RESET = "password_reset", "password reset started"
        FACTORS = "second_factors_removed", "second factors removed"
        EMAIL = "email_changed", "e-mail changed"
        ROLE = "role_changed", "role changed"

    id = PrefixedIdField("prv")
    user = models.ForeignKey(User, models.PROTECT, related_name="provisionings")
    act = models.CharField(max_length=24, choices=Act.choices)
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    confirmed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-made_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(made_by=models.F("user")),
                name="provisioned_by_another",
            ),
            models.CheckConstraint(
                condition=models.Q(confirmed_by=None, confirmed_at=None)
                | models.Q(confirmed_by__isnull=False, confirmed_at__isnull=False)
                & ~models.Q(confirmed_by=models.F("made_by"))
                & ~models.Q(confirmed_by=models.F("user")),
                name="provisioning_confirmed_by_a_third",
            ),
        ]
        indexes = [
            models.Index(
                fields=["user"],
                condition=models.Q(confirmed_at=None),
                name="provisioning_unconfirmed",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_act_display()} by {self.made_by}"


class Session(models.Model):
    """One sign-in. By API it is a family of refresh tokens of which one is valid.

    The only record of a sign-in: a browser's cookie and an access token only name this
    row, which every request looks up.
    """

    class Kind(models.TextChoices):
        API = sessions.API, "API"
        BROWSER = sessions.BROWSER

    id = PrefixedIdField("ses")
    user = models.ForeignKey(User, models.CASCADE, related_name="sign_ins")
    kind = models.CharField(max_length=7, choices=Kind.choices, default=Kind.API)
    method = models.CharField(
        max_length=40, default="password", help_text="How they proved who they are."
    )
    refresh_hash = models.CharField(max_length=64, blank=True, editable=False)
    challenge = models.JSONField(
        null=True, editable=False, help_text="What a passkey is being asked to sign."
    )
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    authenticated_at = models.DateTimeField(
        default=timezone.now, help_text="The last proof; what step-up asks for."
    )
    last_seen_at = models.DateTimeField(default=timezone.now)
    idles_at = models.DateTimeField(help_text="Ends here unless it is used before.")
    expires_at = models.DateTimeField(help_text="Ends here, used or not.")
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["user", "ended_at"], name="session_user_live")]

    def __str__(self) -> str:
        return f"{self.user} since {self.created_at:%Y-%m-%d %H:%M}"
