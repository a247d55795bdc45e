"""The caller and its address: one protocol and one context variable."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, Protocol

from django.conf import settings
from django.http import HttpRequest

WITH_PORT = re.compile(r"\[([^]]{1,45})\](?::[0-9]{1,5})?|([0-9.]{7,15}):[0-9]{1,5}")

PrincipalKind = Literal["user", "agent", "system", "anonymous"]


class Principal(Protocol):
    """What every package may know of a caller; users and agents both have it."""

    @property
    def kind(self) -> PrincipalKind: ...
    @property
    def principal_id(self) -> str: ...
    @property
    def owner_id(self) -> str:
        """The person who answers for the caller: themselves, or an agent's owner."""

    @property
    def label(self) -> str: ...
    @property
    def authenticated_at(self) -> datetime | None: ...
    @property
    def is_human(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nobody has proved who they are."""

    kind: PrincipalKind = "anonymous"
    principal_id: str = ""
    owner_id: str = ""
    label: str = "anonymous"
    authenticated_at: datetime | None = None
    is_human: bool = False
    is_authenticated: bool = False
    is_active: bool = False
    pk: None = None


@dataclass(frozen=True, slots=True)
class System:
    """The platform itself: a job, a command, an incident's response."""

    label: str
    kind: PrincipalKind = "system"
    principal_id: str = "system"
    owner_id: str = ""
    authenticated_at: datetime | None = None
    is_human: bool = False


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What the audit log records of a request in addition to the act itself."""

    principal: Principal = Anonymous()
    address: str | None = None
    user_agent: str = ""
    request_id: str = ""


_context: ContextVar[RequestContext] = ContextVar("request_context")
_EMPTY = RequestContext()


def current() -> RequestContext:
    """Return the context of the request or job under way; empty outside of one."""
    return _context.get(_EMPTY)


def set_principal(principal: Principal) -> None:
    """Say who is asking, once authentication knows."""
    _context.set(replace(current(), principal=principal))


@contextlib.contextmanager
def acting_as(
    principal: Principal,
    *,
    address: str | None = None,
    user_agent: str = "",
    request_id: str = "",
) -> Iterator[None]:
    """Run a block as a principal: a request, a job or a command."""
    token = _context.set(RequestContext(principal, address, user_agent, request_id))
    try:
        yield
    finally:
        _context.reset(token)


def caller(request: Any) -> Principal:
    """Return who authentication said is asking, of a Django or a DRF request."""
    principal: Principal = request.user
    return principal


def holds(principal: Principal, permission: str) -> bool:
    """Return whether a principal is a person who has the permission "app.codename".

    Packages below `accounts` ask this, never for a role. Jobs and agents have none.
    """
    has_perm = getattr(principal, "has_perm", None)
    return principal.is_human and has_perm is not None and bool(has_perm(permission))


def client_address(request: HttpRequest | Any, *_: object) -> str:
    """Return the client's address; the only function that decides it.

    REMOTE_ADDR, unless the peer is a trusted proxy: then the right-most hop of
    X-Forwarded-For that is not one. Anything unparsable yields the peer. Peers on
    a Unix socket have no address and count as loopback.
    """
    peer = _parse(request.META.get("REMOTE_ADDR", "")) or ipaddress.ip_address("::1")
    trusted = _networks(tuple(settings.TRUSTED_PROXIES))
    if not _is_in(peer, trusted):
        return str(peer)
    header = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if len(header) > 1024:
        return str(peer)
    for hop in reversed(header.split(",")):
        address = _parse(_without_port(hop.strip()))
        if address is None:
            return str(peer)
        if not _is_in(address, trusted):
            return str(address)
    return str(peer)


def address_group(address: str) -> str:
    """Return the unit that limits count by: an IPv4 address, or an IPv6 /64."""
    parsed = _parse(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return address


Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=4096)
def _parse(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        address = address.ipv4_mapped or address
    return None if address.is_unspecified else address


def _without_port(hop: str) -> str:
    # Some proxies add the client's port, and then put IPv6 in brackets.
    found = WITH_PORT.fullmatch(hop)
    return found[1] or found[2] if found else hop


@lru_cache(maxsize=2)
def _networks(configured: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(item) for item in configured if item != "none")


def _is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
