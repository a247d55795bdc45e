"""Money and merchant names on pages."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.core import merchants
from agents.policy.core.words import grouped_amount, spoken_amount

register = template.Library()


@register.filter
def money(amount_minor: int, currency: str) -> SafeString:
    """Write minor units for people: 1,249.00 USD, the currency a shade quieter."""
    return format_html(
        '<span class="money">{} <span class="currency">{}</span></span>',
        grouped_amount(amount_minor, currency),
        currency,
    )


@register.filter
def money_text(amount_minor: int, currency: str) -> str:
    """Write minor units as a plain text, for attributes and messages."""
    return spoken_amount(amount_minor, currency)


@register.filter
def is_disguised(merchant: str) -> bool:
    """Return whether a merchant's name hides characters or imitates another."""
    return merchants.is_suspicious_merchant(merchant)


@register.filter
def in_ascii(merchant: str) -> str:
    """Spell a merchant's name so that nothing in it can hide."""
    return merchants.ascii_name(merchant)
