"""Why people, sessions or tokens were refused. No HTTP here."""

from __future__ import annotations

from audit.errors import DomainError


class InvalidCredentials(DomainError):
    """Unknown name, wrong password or deactivated account: never told apart."""

    code = "invalid_credentials"
    detail = "The username or password is not right."


class AccountLocked(DomainError):
    """Too many failures for this name from this address."""

    code = "account_locked"
    detail = "Too many failed sign-ins. Try again later."

    def __init__(self, *, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__()


class TokenRefused(DomainError):
    """An access token that is forged, expired, of the wrong kind or revoked."""

    code = "invalid_token"
    detail = "The access token is not valid."


class RefreshRefused(DomainError):
    """A refresh token that is unknown, spent, or of a session that has ended."""

    code = "invalid_refresh_token"
    detail = "The refresh token is not valid. Sign in again."


class OwnAuthorityRefused(DomainError):
    """Nobody changes their own role, permissions, team or active flag."""

    code = "own_authority"
    detail = "Nobody can change their own role, permissions, team or account status."


class UsernameTaken(DomainError):
    code = "username_taken"
    detail = "That username is taken."


class UsernameRefused(DomainError):
    code = "username_refused"
    detail = "A username has letters, digits and @ . + - _ only, at most 150."


class TeamNameTaken(DomainError):
    code = "team_name_taken"
    detail = "A team of that name exists."


class WeakPassword(DomainError):
    """The password validators' sentences, joined."""

    code = "weak_password"
    detail = "The password is too weak."
