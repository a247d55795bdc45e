"""Which domain errors a method of a view answers with, for the schema of the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from audit.errors import DomainError

Method = TypeVar("Method", bound=Callable[..., object])


def raises(*errors: type[DomainError]) -> Callable[[Method], Method]:
    """Name the errors of the services that a method of a view calls.

    What is true of all views (a wrong token, a limit, a body that is no JSON) is not
    named: platform_site/api_schema.py knows it.
    """

    def marked(method: Method) -> Method:
        method.raises = errors  # type: ignore[attr-defined]
        return method

    return marked
