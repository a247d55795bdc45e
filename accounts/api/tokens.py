"""Sign-in by API: tokens, cookies, fresh proof."""

from __future__ import annotations

from typing import Any

from django.middleware.csrf import get_token
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import cookies, devices, errors
from accounts.api.shared import session_id_of, signed_out
from accounts.authentication import enforce_csrf, refuse_foreign_origin
from accounts.core.usernames import MAX_LENGTH
from accounts.permissions import IsPerson, person_of
from accounts.services.second_factors import ask_passkey
from accounts.services.sessions import TokenPair, refresh_session, sign_out
from accounts.services.sign_in import sign_in
from accounts.services.step_up import step_up
from audit.base.raises import raises
from audit.base.serializers import (
    ObjectField,
    StrictBooleanField,
    StrictCharField,
    StrictSerializer,
    body_of,
    refuse_fields,
)
from audit.base.strict_query import StrictQueryView
from security.step_up import STEP_UP_LASTS

# Long enough for any passphrase; a longer text is refused before it is hashed.
PASSWORD_MAX_LENGTH = 256
REFRESH_MAX_LENGTH = 256
OTP_MAX_LENGTH = 32


SIGN_IN = {"username": "manager", "password": "her password"}


class TokenInput(StrictSerializer):
    username = StrictCharField(max_length=MAX_LENGTH)
    password = StrictCharField(max_length=PASSWORD_MAX_LENGTH, trim_whitespace=False)
    otp = StrictCharField(
        max_length=OTP_MAX_LENGTH,
        required=False,
        help_text="A code of your authenticator app, or a recovery code.",
    )
    cookie = StrictBooleanField(
        default=False, help_text="Give the tokens as httpOnly cookies, to browsers."
    )


class RefreshInput(StrictSerializer):
    refresh = StrictCharField(
        max_length=REFRESH_MAX_LENGTH,
        required=False,
        help_text="Left out where the cookie brings it.",
    )


class TokenPairOutput(serializers.Serializer[TokenPair]):
    """By cookie no token is in the body; `csrf_token` is in no other one."""

    access = serializers.CharField(required=False)
    refresh = serializers.CharField(required=False, help_text="Good for one use.")
    csrf_token = serializers.CharField(
        required=False, help_text="To be sent as X-CSRFToken."
    )
    expires_in = serializers.IntegerField(
        source="expires_in_s", help_text="Seconds until the access token ends."
    )


class StepUpInput(StrictSerializer):
    """One proof. A password counts only for a person without a second factor."""

    otp = StrictCharField(max_length=OTP_MAX_LENGTH, required=False)
    passkey = ObjectField(
        required=False, help_text="The answer to auth/step-up/passkey/, as JSON."
    )
    password = StrictCharField(
        max_length=PASSWORD_MAX_LENGTH, trim_whitespace=False, required=False
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError(
                "Send one of otp, passkey and password.", code="one_proof"
            )
        return attrs


class StepUpOutput(serializers.Serializer[Any]):
    authenticated_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="Until then it is fresh.")


class PasskeyOptionsOutput(serializers.Serializer[Any]):
    publicKey = serializers.DictField(  # noqa: N815 - the browser's own name.
        help_text="For navigator.credentials.get()."
    )


class CsrfOutput(serializers.Serializer[Any]):
    csrf_token = serializers.CharField(help_text="To be sent as X-CSRFToken.")


class TokenCreateView(StrictQueryView):
    """Exchange a username and password for a pair of tokens."""

    authentication_classes = []
    permission_classes = [AllowAny]
    rate_class = "auth"

    def counted_about(self, request: Request) -> str:
        """Count guesses at one name together, however many addresses they come from.

        A browser that its owner has signed in with before is counted separately.
        """
        body = request.data
        typed = body.get("username") if isinstance(body, dict) else None
        if typed is None:
            return ""
        # The serializer takes a number for its digits.
        return f"name:{devices.name_and_device(request._request, str(typed))}"

    @extend_schema(
        operation_id="auth_token_create",
        examples=[OpenApiExample("A person", SIGN_IN, request_only=True)],
        request=TokenInput,
        responses=TokenPairOutput,
        auth=[],
        tags=["auth"],
    )
    @raises(
        errors.InvalidCredentials,
        errors.SecondFactorRequired,
        errors.SecondFactorRefused,
        errors.CsrfRefused,
        errors.EnrolmentRequired,
        errors.OwnPasswordRequired,
    )
    def post(self, request: Request) -> Response:
        given = body_of(TokenInput, request)
        by_cookie = given.pop("cookie")
        if by_cookie:
            refuse_foreign_origin(request._request)
        # axes and Django's signals know the request of Django, not DRF's wrapper.
        pair = sign_in(request=request._request, **given)
        if not by_cookie:
            return Response(TokenPairOutput(pair).data)
        response = _cookies(request, pair)
        devices.remember(response, given["username"])
        return response


class TokenRefreshView(StrictQueryView):
    """Spend a refresh token for a new pair. Presenting a spent one ends the session."""

    authentication_classes = []
    permission_classes = [AllowAny]
    rate_class = "auth"

    @extend_schema(
        operation_id="auth_token_refresh",
        request=RefreshInput,
        responses=TokenPairOutput,
        auth=[],
        tags=["auth"],
    )
    @raises(errors.RefreshRefused, errors.RefreshEnded, errors.CsrfRefused)
    def post(self, request: Request) -> Response:
        given = body_of(RefreshInput, request)
        in_body = given.get("refresh")
        by_cookie = cookies.refresh_of(request)
        if in_body and by_cookie:
            raise errors.CredentialsMixed(
                "Send the refresh token or its cookie, not both."
            )
        if by_cookie:
            enforce_csrf(request._request)
            return _cookies(request, refresh_session(refresh=by_cookie))
        if not in_body:
            error = {"refresh": [ErrorDetail("This field is required.", "required")]}
            raise ValidationError(error)
        pair = refresh_session(refresh=in_body)
        return Response(TokenPairOutput(pair).data)


class CsrfView(StrictQueryView):
    """The CSRF token that requests by cookie need; sets the cookie it belongs to."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="auth_csrf_retrieve", responses=CsrfOutput, auth=[], tags=["auth"]
    )
    def get(self, request: Request) -> Response:
        return Response({"csrf_token": get_token(request._request)})


class StepUpView(StrictQueryView):
    """Prove your identity again; this session may do dangerous things for 5 minutes."""

    permission_classes = [IsPerson]
    rate_class = "auth"

    @extend_schema(
        operation_id="auth_step_up",
        request=StepUpInput,
        responses=StepUpOutput,
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        given = body_of(StepUpInput, request)
        proved_at = step_up(
            request=request._request,
            session_id=session_id_of(request),
            acting=person_of(request),
            **given,
        )
        body = {"authenticated_at": proved_at, "expires_at": proved_at + STEP_UP_LASTS}
        return Response(StepUpOutput(body).data)


class PasskeyOptionsView(StrictQueryView):
    """Begin a step-up by passkey: what the browser's authenticator is to sign."""

    permission_classes = [IsPerson]
    rate_class = "auth"

    @extend_schema(
        operation_id="auth_step_up_passkey",
        request=None,
        responses=PasskeyOptionsOutput,
        tags=["auth"],
    )
    @raises(errors.PasskeyMissing)
    def post(self, request: Request) -> Response:
        refuse_fields(request)
        options = ask_passkey(
            session_id=session_id_of(request), user=person_of(request)
        )
        return Response(options)


class TokenRevokeView(StrictQueryView):
    """End the session of the access token that is presented, at once."""

    permission_classes = [IsPerson]

    @extend_schema(
        operation_id="auth_token_revoke",
        request=None,
        responses={204: None},
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        refuse_fields(request)
        sign_out(
            request=request._request,
            session_id=session_id_of(request),
            acting=person_of(request),
        )
        return signed_out(request)


def _cookies(request: Request, pair: TokenPair) -> Response:
    """Answer with the tokens in cookies only, and what their requests must carry."""
    csrf_token = get_token(request._request)
    response = Response({"expires_in": pair.expires_in_s, "csrf_token": csrf_token})
    cookies.give(response, pair)
    return response
