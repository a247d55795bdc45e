"""Why people, sessions or tokens were refused. No HTTP here."""

from __future__ import annotations

from audit.base.errors import (
    Conflict,
    Forbidden,
    Invalid,
    TooMany,
    Unauthenticated,
)


class InvalidCredentials(Unauthenticated):
    """Unknown name, wrong password or deactivated account: one answer for all."""

    code = "invalid_credentials"
    detail = "The username or password is not right."


class AccountLocked(TooMany):
    """Too many failures for this name from this address."""

    code = "account_locked"
    detail = "Too many failed sign-ins. Try again later."

    def __init__(self, *, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__()


class OwnPasswordRequired(Forbidden):
    """Somebody else knows the password that was given, which has ended with this."""

    code = "own_password_required"
    detail = "That first password has ended. Choose your own within an hour."

    def __init__(self, link: str) -> None:
        self.link = link
        super().__init__(f"{self.detail} Open {link}")


class SecondFactorRequired(Unauthenticated):
    """The password is right, and is not enough for this person."""

    code = "second_factor_required"
    detail = "Send a code of your second factor as `otp`, too."


class SecondFactorRefused(Unauthenticated):
    """A code that is wrong, or was used, or a passkey's answer that does not fit."""

    code = "second_factor_refused"
    detail = "The code is not right, or was used before."


class EnrolmentRequired(Forbidden):
    """The role asks for a second factor, and the person has none yet."""

    code = "second_factor_enrolment_required"
    detail = "Sign in on the web page and set up a second factor first."


class CredentialsMixed(Invalid):
    """A request says who asks twice, by header and by cookie."""

    code = "credentials_mixed"
    detail = "Send an Authorization header or the sign-in cookie, not both."


class CsrfRefused(Forbidden):
    """A browser sent its cookies, and not what shows that our own page asked it to."""

    code = "csrf_failed"
    detail = "Send the CSRF token of auth/csrf/ as X-CSRFToken, from our own origin."


class TokenRefused(Unauthenticated):
    """An access token that is forged or of the wrong kind."""

    code = "invalid_token"
    detail = "The access token is not valid."


class TokenEnded(TokenRefused):
    """An access token that we gave out, and that has expired or was revoked.

    Or that a clock which was ahead gave out: its time has not begun.
    """

    code = "token_ended"
    detail = "The access token has ended. Refresh it, or sign in again."


class PasskeyMissing(Conflict):
    """There is no passkey whose answer could be asked for."""

    code = "passkey_missing"
    detail = "You have no passkey. Prove who you are in another way."


class RefreshRefused(Unauthenticated):
    """A refresh token that is made up, or was spent."""

    code = "invalid_refresh_token"
    detail = "The refresh token is not valid. Sign in again."


class RefreshEnded(RefreshRefused):
    """A refresh token that we gave out, of a session that has ended."""

    code = "refresh_token_ended"
    detail = "The session has ended. Sign in again."


class OwnAuthorityRefused(Forbidden):
    """Nobody changes their own role, permissions, team or active flag alone."""

    code = "own_authority"
    detail = "Nobody can change their own role, permissions, team or account status."


class LinkRefused(Conflict):
    """Accounts are linked to the first one of a human, which is linked to none."""

    code = "link_refused"
    detail = "Link second accounts to the first one, which is itself linked to none."


class PersonActive(Conflict):
    """Only a deactivated person can be erased."""

    code = "person_active"
    detail = "Deactivate this person first."


class PersonErased(Conflict):
    """An erased person cannot be changed; make a new account."""

    code = "person_erased"
    detail = "This person was erased for good."


class UsernameTaken(Conflict):
    code = "username_taken"
    detail = "That username is taken."


class UsernameRefused(Invalid):
    code = "username_refused"
    detail = "A username has letters, digits and @ . + - _ only, at most 150."


class TeamNameTaken(Conflict):
    code = "team_name_taken"
    detail = "A team of that name exists."


class WeakPassword(Invalid):
    """The password validators' sentences, joined."""

    code = "weak_password"
    detail = "The password is too weak."
