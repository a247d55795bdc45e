"""Characters that show nothing by themselves and that the text around them needs.

Joiners (U+200C, U+200D) as UTS #46 and RFC 5892 (ContextJ) have them, selectors and
tags as emoji do (UTS #51). Wider than ContextJ in two places, both written every day: a
non-joiner behind Arabic letters that join on one side only, and a joiner before a
virama, as the Bengali and the Kannada ra takes it. So no table of joining types is
needed, which Python does not have: the script decides. Names that differ by nothing
else are one name (without_joiners), so nobody gains by it.
"""

from __future__ import annotations

import re
import unicodedata

NON_JOINER, JOINER = "\u200c", "\u200d"
_VIRAMA = 9  # Its canonical combining class.
# Scripts whose letters join, by the first word of their names.
_CURSIVE = frozenset(
    {
        *("ADLAM", "ARABIC", "HANIFI", "MANDAIC", "MONGOLIAN", "NKO", "PHAGS-PA"),
        "SYRIAC",
    }
)
# Extended_Pictographic of Unicode's emoji-data.txt, versions 13 to 16. Copyright
# 1991-2024 Unicode, Inc., under the Unicode License v3, https://www.unicode.org/license.txt.
_PICTOGRAPH = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328"
    "\u2388\u23cf\u23e9-\u23f3\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe"
    "\u2600-\u2605\u2607-\u2612\u2614-\u2685\u2690-\u2705\u2708-\u2712\u2714\u2716"
    "\u271d\u2721\u2728\u2733\u2734\u2744\u2747\u274c\u274e\u2753-\u2755\u2757"
    "\u2763-\u2767\u2795-\u2797\u27a1\u27b0\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c"
    "\u2b50\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001f0ff\U0001f10d-\U0001f10f"
    "\U0001f12f\U0001f16c-\U0001f171\U0001f17e\U0001f17f\U0001f18e"
    "\U0001f191-\U0001f19a\U0001f1ad-\U0001f1e5\U0001f201-\U0001f20f\U0001f21a"
    "\U0001f22f\U0001f232-\U0001f23a\U0001f23c-\U0001f23f\U0001f249-\U0001f3fa"
    "\U0001f400-\U0001f53d\U0001f546-\U0001f64f\U0001f680-\U0001f6ff"
    "\U0001f774-\U0001f77f\U0001f7d5-\U0001f7ff\U0001f80c-\U0001f80f"
    "\U0001f848-\U0001f84f\U0001f85a-\U0001f85f\U0001f888-\U0001f88f"
    "\U0001f8ae-\U0001f8ff\U0001f90c-\U0001f93a\U0001f93c-\U0001f945"
    "\U0001f947-\U0001faff\U0001fc00-\U0001fffd]"
)
_TONE = "\U0001f3fb-\U0001f3ff"
_EMOJI = re.compile(
    # England, Scotland and Wales are spelled with tags; no other flag in use is.
    "\U0001f3f4\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067"
    "|\U000e0073\U000e0063\U000e0074|\U000e0077\U000e006c\U000e0073)\U000e007f"
    "|[0-9#*]\ufe0f\u20e3"
    f"|{_PICTOGRAPH}[\ufe0e\ufe0f{_TONE}]?(?:\u200d{_PICTOGRAPH}[\ufe0f{_TONE}]?)*"
)
_DROPPED = frozenset({NON_JOINER, JOINER, "\ufe0e", "\ufe0f"})


def needed_places(text: str) -> frozenset[int]:
    """Return where an unseen character belongs to how its neighbours are written.

    Places of emoji themselves are among them. Linear.
    """
    if text.isascii():
        return frozenset()
    places = {at for emoji in _EMOJI.finditer(text) for at in range(*emoji.span())}
    for at, character in enumerate(text):
        if character in (NON_JOINER, JOINER) and _joins_letters(text, at):
            places.add(at)
    return frozenset(places)


def without_joiners(text: str) -> str:
    """Return a text without the joiners and selectors that it needs, for comparing.

    What is not needed stays, so that a disguise is never taken for what it imitates.
    """
    places = needed_places(text)
    return "".join(
        character
        for at, character in enumerate(text)
        if at not in places or character not in _DROPPED
    )


def script_of(character: str) -> str:
    """Return the script by the first word of the name; Python knows no other."""
    return unicodedata.name(character, "UNKNOWN").partition(" ")[0]


def _joins_letters(text: str, at: int) -> bool:
    """Return whether a joiner stands where its script uses one."""
    script, after = _script_before(text, at), text[at + 1 : at + 2]
    if not script or after in (NON_JOINER, JOINER):
        return False
    if _is_virama(text[at - 1], script):
        return True
    if text[at] == JOINER:
        return _is_virama(after, script)
    return script in _CURSIVE and after.isalpha() and script_of(after) == script


def _script_before(text: str, at: int) -> str:
    """Return the script of the letter before a place, marks between them passed over.

    Never passes another joiner, so that all places together are read once.
    """
    at -= 1
    while at >= 0 and _is_mark(text[at]):
        at -= 1
    return script_of(text[at]) if at >= 0 and text[at].isalpha() else ""


def _is_mark(character: str) -> bool:
    """Return whether it is a mark of letters; selectors are marks of another kind."""
    is_mark = unicodedata.category(character) in ("Mn", "Mc")
    return is_mark and "VARIATION SELECTOR" not in unicodedata.name(character, "")


def _is_virama(character: str, script: str) -> bool:
    return (
        character != ""
        and unicodedata.combining(character) == _VIRAMA
        and script_of(character) == script
    )
