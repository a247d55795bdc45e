"""Asking every route, by every method, as everybody; every question is taken back."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from django.db import connection
from django.test import Client

from tests.access.table import (
    ADMIN,
    AGENT,
    ALL,
    ANONYMOUS,
    CALLERS,
    DEACTIVATED,
    LET_IN,
    MACHINES,
    MANAGER,
    METHODS,
    OTHER_AGENT,
    OWN,
    USER,
    Row,
)
from tests.rollback import rolled_back

IN, SIGN_IN, REFUSED, MISSING, NO_METHOD, BROKEN = (
    "in",
    "sign in first",
    "refused",
    "not found",
    "not a method",
    "broken",
)
BY_STATUS = {401: SIGN_IN, 403: REFUSED, 404: MISSING, 405: NO_METHOD}
API, CONSOLE = "api/v1/", "admin/"
# Pages do not read an agent's token, so that one of them is enough.
BROWSERS = tuple(caller for caller in CALLERS if caller != OTHER_AGENT)
SIGN_IN_PAGES = ("/accounts/login/", "/admin/login/")
# A caller who gets these answers has the permission, but no fresh proof.
WRONG_PROOF = ("invalid_credentials", "invalid_refresh_token", "second_factor_refused")

WHOSE = OWN_OBJECT, FOREIGN, NO_OBJECT = "carol's", "eve's", "nobody's"
WRITES = re.compile(r"\s*(INSERT INTO|UPDATE|DELETE FROM|TRUNCATE)\s+\"?(\w+)", re.I)
# Looking is written to the log; that a session is in use, to its row; and a page may
# keep what its form will ask for in its browser's session.
WRITTEN_BY_LOOKING = {"audit_auditevent", "accounts_session", "django_session"}


@dataclass(frozen=True, slots=True)
class Question:
    """A request: the caller, the route, and the owner of its object."""

    pattern: str
    method: str
    caller: str
    whose: str

    def __str__(self) -> str:
        return f"{self.method} /{self.pattern} of {self.whose} by {self.caller}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question got: its kind, its words (of an API's refusal), its limit."""

    kind: str
    status: int
    words: str
    limit: str
    written: frozenset[str]


def ask(client: Client, method: str, address: str, **request: Any) -> Answer:
    """Send one request and undo whatever it did; cookies stay as they were."""
    cookies = client.cookies.output(header="", sep=";")
    written: set[str] = set()
    with rolled_back(), connection.execute_wrapper(_noting(written)):
        response = client.generic(method, address, **request)
    client.cookies = SimpleCookie(cookies)
    body = _problem_of(response)
    places = "".join(f" {error['pointer']}" for error in body.get("errors", ()))
    return Answer(
        kind=_kind(response, body.get("code", "")),
        status=response.status_code,
        words=f"{body.get('code')}: {body.get('detail')}{places}",
        limit=response.get("RateLimit-Policy", "").partition(";")[0].strip('"'),
        written=frozenset(written),
    )


def _problem_of(response: Any) -> dict[str, Any]:
    # A view that renders no JSON writes its problem as text; HEAD has no body.
    with contextlib.suppress(json.JSONDecodeError):
        if "problem+json" in response.get("Content-Type", ""):
            return dict(json.loads(response.content))
    return {}


def _kind(response: Any, code: str) -> str:
    status = response.status_code
    if status >= 500:
        return BROKEN
    if code in WRONG_PROOF:
        return IN
    location = urlsplit(response.get("Location", ""))
    if status == 302 and location.path in SIGN_IN_PAGES and "next=" in location.query:
        return SIGN_IN
    return BY_STATUS.get(status, IN)


def _noting(written: set[str]) -> Any:
    def note(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        found = WRITES.match(str(sql))
        if found:
            written.add(found[2])
        return execute(sql, params, many, context)

    return note


def questions(
    pattern: str, row: Row, everybody_tries_all: bool = False
) -> Iterator[Question]:
    """Yield all that is asked about one route.

    The methods of its row, of each object, by everybody. A few stand for all with HEAD,
    and with whatever but a GET in the console, where all addresses share one check.
    Methods that nobody has are asked by an admin alone: who may most, may not do that.
    With `everybody_tries_all` everybody asks everything.
    """
    callers = CALLERS if pattern.startswith(API) else BROWSERS
    few = (ADMIN, MANAGER) if pattern.startswith(CONSOLE) else (ANONYMOUS, ADMIN, AGENT)
    for method in METHODS:
        is_named = method in row.who
        by_all = method == "GET" if pattern.startswith(CONSOLE) else is_named
        stand_in = few if row.who_may(method) is not None else (ADMIN,)
        asking = callers if by_all or everybody_tries_all else stand_in
        for whose in WHOSE if row.scope and is_named else (OWN_OBJECT,):
            for caller in asking:
                yield Question(pattern, method, caller, whose)


def expected(question: Question, row: Row) -> set[str]:
    """Return the kinds of answer that the table wants."""
    pattern, caller = question.pattern, question.caller
    is_api = pattern.startswith(API)
    who = row.who_may(question.method)
    if who is None:
        return _no_method(row, is_api, caller)
    is_found = not row.scope or _is_in_scope(row, caller, question.whose)
    if caller in LET_IN[who]:
        return {IN} if is_found else {MISSING}
    if caller in (ANONYMOUS, DEACTIVATED) or (not is_api and caller in MACHINES):
        return {SIGN_IN}
    if pattern.startswith(CONSOLE) and caller != ADMIN:
        return {SIGN_IN, REFUSED}
    return {REFUSED} if is_found else {REFUSED, MISSING}


def _no_method(row: Row, is_api: bool, caller: str) -> set[str]:
    """A caller with any permission here gets 405; others may get 403."""
    if not any(caller in LET_IN[who] for who in row.who.values()):
        return {NO_METHOD, REFUSED, SIGN_IN}
    return {NO_METHOD, REFUSED} if is_api else {NO_METHOD}


def _is_in_scope(row: Row, caller: str, whose: str) -> bool:
    if whose == NO_OBJECT:
        return False
    if row.scope == ALL or (caller == ADMIN and row.scope != OWN):
        return True
    if whose == FOREIGN:
        return caller == OTHER_AGENT
    return caller == USER or (row.scope != OWN and caller != OTHER_AGENT)
