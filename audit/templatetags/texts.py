"""What others wrote, on pages."""

from __future__ import annotations

from django import template

from audit.base.core import visible as core

register = template.Library()


@register.filter
def visible(text: object) -> str:
    """Write out what shows nothing, or turns the text around it, in one line."""
    return core.visible(str(text))


@register.filter
def visible_lines(text: object) -> str:
    """Do the same in a text of several lines, whose line feeds and tabs stay."""
    lines = str(text).replace("\r\n", "\n")
    return core.visible(lines, keep="\n\t")
