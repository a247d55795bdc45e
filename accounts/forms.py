"""Forms: those by which people prove who they are, and the console's for people."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ResetPasswordForm
from allauth.core import context as current
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from cryptography.exceptions import InvalidSignature
from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.core.roles import GRANTABLE_PERMISSIONS
from accounts.errors import InvalidCredentials, SecondFactorRefused
from accounts.models import User
from accounts.services.password_reset import queue_password_reset
from accounts.services.people import set_password
from accounts.services.second_factors import prove_second_factor
from accounts.services.sign_in import prove_password
from security.schemas.forms import StrictJsonField

PASSWORD_MAX_LENGTH = 256


class SignInForm(AuthenticationForm):
    """Django's form with our sign-in: lock-out first, then the hash.

    Lets AccountLocked through to the view, which answers 429.
    """

    password = forms.CharField(
        strip=False,
        max_length=PASSWORD_MAX_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username")
        password = self.cleaned_data.get("password")
        if self.request is not None and username and password:
            try:
                self.user_cache = prove_password(
                    request=self.request, username=username, password=password
                )
            except InvalidCredentials as error:
                self.fields["username"].widget.attrs.pop("autofocus", None)
                self.fields["password"].widget.attrs["autofocus"] = True
                raise ValidationError(error.detail, code=error.code) from error
        return self.cleaned_data


class OwnPasswordForm(PasswordChangeForm):
    """One's own new password, through the service, so that every sign-in ends."""

    def save(self, commit: bool = True) -> User:
        set_password(
            user=self.user,
            password=self.cleaned_data["new_password1"],
            acting=self.user,
        )
        return self.user


class _OurCodes:
    """Has our service verify a code, so that lock-out and single use hold."""

    user: User
    cleaned_data: dict[str, Any]

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        try:
            self.authenticator = prove_second_factor(
                request=current.request, user=self.user, code=code
            )
        except SecondFactorRefused as error:
            raise ValidationError(error.detail, code=error.code) from error
        return code


class SignInCodeForm(_OurCodes, AuthenticateForm):  # type: ignore[misc] # Untyped package.
    """The code after the password."""


class StepUpCodeForm(_OurCodes, ReauthenticateForm):  # type: ignore[misc] # As above.
    """The code before something dangerous."""


class _AnyPasskey(forms.Form):
    """What a browser made up must be a refusal, whatever it makes fido2 raise."""

    credential = StrictJsonField(widget=forms.HiddenInput)

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc] # allauth's form.
        except (InvalidSignature, AttributeError, KeyError, TypeError, ValueError):
            raise ValidationError("That passkey was not accepted.") from None


class SignInPasskeyForm(_AnyPasskey, AuthenticateWebAuthnForm):  # type: ignore[misc] # As above.
    """A passkey after the password."""


class PasskeyOnlyForm(_AnyPasskey, LoginWebAuthnForm):  # type: ignore[misc] # As above.
    """A passkey in place of name and password."""


class StepUpPasskeyForm(_AnyPasskey, ReauthenticateWebAuthnForm):  # type: ignore[misc] # As above.
    """A passkey before something dangerous."""


class NewPasskeyForm(AddWebAuthnForm):  # type: ignore[misc] # As above.
    """A passkey to be enrolled."""

    credential = StrictJsonField(widget=forms.HiddenInput)

    def clean(self) -> Any:
        try:
            return super().clean()
        except (InvalidSignature, AttributeError, KeyError, TypeError, ValueError):
            raise ValidationError("That passkey was not accepted.") from None


class ForgottenPasswordForm(ResetPasswordForm):  # type: ignore[misc] # As above.
    """Queues the mail: that there is such a person shows neither here nor in time."""

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"])

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        email: str = self.cleaned_data["email"]
        queue_password_reset(email)
        return email


class _PermissionsField(forms.ModelMultipleChoiceField[Permission]):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            queryset=Permission.objects.none(),
            required=False,
            widget=forms.CheckboxSelectMultiple,
            **kwargs,
        )

    def label_from_instance(self, obj: Permission) -> str:
        return obj.name


class PersonForm(forms.ModelForm[User]):
    """What an administrator changes of a person. No password, no hash, no session."""

    permissions = _PermissionsField(
        label="Also may", help_text="Makes an auditor of a person of any role."
    )

    class Meta:
        model = User
        fields = [
            "full_name",
            "email",
            "phone",
            "role",
            "team",
            "is_active",
            "same_person_as",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [name.partition(".")[2] for name in GRANTABLE_PERMISSIONS]
        field = self.fields["permissions"]
        assert isinstance(field, _PermissionsField)  # noqa: S101 - declared above.
        field.queryset = Permission.objects.filter(
            content_type__app_label="audit", codename__in=names
        )
        if self.instance.pk and not self.instance._state.adding:
            field.initial = self.instance.user_permissions.all()

    @property
    def granted(self) -> frozenset[str]:
        """The chosen permissions, spelled as has_perm takes them."""
        chosen = self.cleaned_data["permissions"]
        return frozenset(f"audit.{permission.codename}" for permission in chosen)


class NewPersonForm(forms.ModelForm[User]):
    """A new person. Their password they choose themselves, by a link."""

    class Meta:
        model = User
        fields = ["username", "full_name", "email", "phone", "role", "team"]
