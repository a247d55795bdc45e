"""Filters of the log's list that people keep."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from django.db import transaction

from audit.base.context import Principal, holds
from audit.base.core.masking import mask
from audit.base.core.visible import hides_characters, is_readable
from audit.base.errors import NotFound, NotPermitted, SensitiveDataRefused
from audit.errors import FilterRefused
from audit.models import SavedFilter
from audit.queries.reading import saved_filters
from audit.services.recording import record

KEPT_MAX = 50
# Of the list's address, what says where one is in it and not what is in it.
PLACES = frozenset({"p", "all", "e"})


def save_filter(name: str, query: str, *, acting: Principal) -> SavedFilter:
    """Keep the filter of a list's address under a name; one of that name gives way.

    Takes audit.view_auditevent. Raises NotPermitted, and FilterRefused for a name or a
    filter that is empty or too long, and for one more than KEPT_MAX.
    """
    if not holds(acting, "audit.view_auditevent"):
        raise NotPermitted
    name = " ".join(filter(None, name.split(" ")))
    filters = [pair for pair in parse_qsl(query) if pair[0] not in PLACES]
    query = urlencode(filters)
    if not is_readable(name) or len(name) > 60:
        raise FilterRefused(
            "Give the filter a name of at most 60 characters.", pointer="/name"
        )
    if _has_secrets({"name": name, **dict(filters)}):
        raise FilterRefused("A filter holds no secrets.", pointer="/query")
    is_plain = not any(hides_characters(text) for pair in filters for text in pair)
    if not is_plain or not 1 <= len(query) <= 2000:
        raise FilterRefused(
            "Filter the list first; a filter may be 2,000 characters.", pointer="/query"
        )
    with transaction.atomic(durable=True):
        saved, is_new = SavedFilter.objects.update_or_create(
            person_id=acting.principal_id, name=name, defaults={"query": query}
        )
        if is_new and saved_filters(acting.principal_id).count() > KEPT_MAX:
            raise FilterRefused(f"You keep {KEPT_MAX} filters; remove one first.")
        record(
            "audit.filter_saved",
            target=("filter", saved.pk, name),
            details={"filters": dict(filters)},
            actor=acting,
        )
    return saved


def forget_filters(person_id: str) -> None:
    """Forget all filters of a person who is erased, in the caller's transaction."""
    saved_filters(person_id).delete()


def remove_filter(filter_id: str, *, acting: Principal) -> None:
    """Forget a filter of one's own. Raises NotFound."""
    with transaction.atomic(durable=True):
        saved = saved_filters(acting.principal_id).filter(pk=filter_id).first()
        if saved is None:
            raise NotFound
        saved.delete()
        record(
            "audit.filter_removed",
            target=("filter", filter_id, saved.name),
            actor=acting,
        )


def _has_secrets(query: dict[str, str]) -> bool:
    try:
        return mask(query) != query
    except SensitiveDataRefused:
        return True
