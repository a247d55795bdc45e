"""Names the errors that a view's method answers with; the API's schema lists them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from audit.base.errors import DomainError

Method = TypeVar("Method", bound=Callable[..., object])


def raises(*errors: type[DomainError]) -> Callable[[Method], Method]:
    """Name the errors of the services that a method of a view calls.

    What is true of all views (a wrong token, a limit, a body that is not JSON) is not
    named: platform_site/api_schema.py knows it.
    """

    def marked(method: Method) -> Method:
        method.raises = errors  # type: ignore[attr-defined]
        return method

    return marked
