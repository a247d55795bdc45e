"""How commands read the numbers of their arguments."""

from __future__ import annotations

import argparse

from audit.base.core.readers import parse_whole


def positive(text: str) -> int:
    """Return a whole number above zero, or end the command with what is wrong."""
    number = parse_whole(text)
    if not number:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero.")
    return number
