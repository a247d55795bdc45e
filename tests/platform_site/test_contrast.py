"""Text on its ground meets WCAG 2.2 AA (4.5 to 1), controls 3 to 1, in both schemes."""

from __future__ import annotations

import re

import pytest

from tests.house.source import ROOT

CSS = (ROOT / "platform_site" / "static" / "css" / "site.css").read_text()
GROUNDS = ("bg", "surface", "sunken")
TEXTS = [
    *(
        (text, ground)
        for text in ("ink", "ink-soft", "ink-faint")
        for ground in GROUNDS
    ),
    *(("accent", ground) for ground in (*GROUNDS, "accent-wash")),
    *(
        (word, ground)
        for word in ("allow", "hold", "deny")
        for ground in (f"{word}-wash",)
    ),
    *(("ink", f"{word}-wash") for word in ("allow", "hold", "deny", "accent")),
    ("ink-soft", "hold-wash"),
    ("deny", "surface"),
    *(
        ("on-solid", f"{name}")
        for name in (
            "accent-solid",
            "accent-solid-hover",
            "allow-solid",
            "allow-solid-hover",
        )
    ),
]
CONTROLS = [
    ("line-strong", "surface"),
    ("deny-solid", "surface"),
    ("accent-solid", "surface"),
    ("hold-solid", "surface"),
    ("allow-solid", "surface"),
]


def tokens(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\n *\}", CSS, re.DOTALL)[:2]
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light))
    if scheme == "dark":
        found |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", dark))
    return found


def luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_text_can_be_read(scheme: str, text: str, ground: str):
    colours = tokens(scheme)

    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("control", "ground"), CONTROLS)
def test_controls_can_be_seen(scheme: str, control: str, ground: str):
    colours = tokens(scheme)

    assert contrast(colours[control], colours[ground]) >= 3
