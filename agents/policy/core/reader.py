"""How the parts of a draft policy are read: what a value is refused for, and where."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.core.money import MoneyError
from audit.base.core.vocabulary import Unlisted, Vocabulary

LIST_LENGTH_MAX = 10_000


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one place of a document (`pointer` is RFC 6901)."""

    pointer: str
    code: str
    detail: str


class ValueRefused(Exception):
    """A value of a draft is not what its field takes; `code` says why."""

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail


def pointer_to(name: object) -> str:
    """Return the part of a pointer that names a field. Source: RFC 6901."""
    return "/" + str(name).replace("~", "~0").replace("/", "~1")


def text_of(value: object) -> str:
    """Return a text, or refuse anything else."""
    if not isinstance(value, str):
        raise ValueRefused("not_a_text", "Write a text.")
    return value


def list_of(value: object, most: int, things: str) -> Sequence[object]:
    """Return a list of at most so many things, or refuse anything else."""
    if not isinstance(value, list | tuple):
        raise ValueRefused("not_a_list", f"Write a list of {things}, if an empty one.")
    if len(value) > most:
        raise ValueRefused("too_many", f"Write at most {most} {things}.")
    return value


class Reader:
    """Reads a draft field by field and goes on after an error, to report them all.

    `terms` are those that have been read, `currency` is that of amounts.
    """

    def __init__(
        self,
        draft: Mapping[str, object],
        *,
        required: Collection[str],
        optional: Collection[str],
    ) -> None:
        self.draft = draft
        self.required = required
        self.errors: list[FieldError] = []
        self.currency = ""
        self.terms: dict[str, Any] = {}
        fields = Vocabulary((*required, *optional))
        for name in draft:
            if name not in fields.words:
                code = Unlisted("unknown_field", fields, name)
                self.refuse(pointer_to(name), code, "No such field.")

    def refuse(self, pointer: str, code: str, detail: str) -> None:
        """Note what is wrong with a place."""
        self.errors.append(FieldError(pointer, code, detail))

    def read(
        self, name: str, parse: Callable[[object], Any], default: object = None
    ) -> Any:
        """Return a field as `parse` reads it, None if refused; `default` if absent."""
        if name not in self.draft:
            if name in self.required:
                self.refuse(f"/{name}", "required", "This field is required.")
            return default
        return self.parsed(f"/{name}", parse, self.draft[name])

    def read_list(
        self,
        name: str,
        parse: Callable[[object], tuple[str, str]],
        *,
        null_is_any: bool = True,
        default: tuple[str, ...] | None = None,
    ) -> tuple[str, ...] | None:
        """Read names that must differ; `parse` returns a name and its key."""

        def parse_list(value: object) -> Sequence[object] | None:
            if value is None and null_is_any:
                return None
            return list_of(value, LIST_LENGTH_MAX, "names")

        values = self.read(name, parse_list, default)
        if values is None:
            return None
        seen: set[str] = set()
        names: list[str] = []
        for index, value in enumerate(values):
            pointer = f"/{name}/{index}"
            parsed = self.parsed(pointer, parse, value)
            if parsed is None:
                continue
            if parsed[1] in seen:
                self.refuse(pointer, "duplicate", "This name is already in the list.")
            seen.add(parsed[1])
            names.append(parsed[0])
        return tuple(names)

    def parsed(
        self, pointer: str, parse: Callable[[object], Any], value: object
    ) -> Any:
        """Return a value as `parse` reads it, None if it is refused."""
        try:
            return parse(value)
        except (ValueRefused, MoneyError) as error:
            self.refuse(pointer, error.code, error.detail)
            return None
