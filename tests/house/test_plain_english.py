"""Docstrings and comments avoid the words of CONTRIBUTING's list."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.source import ROOT, python_files

AVOIDED = re.compile(
    r"\b(?:tells?|told|telling)\b"
    r"|\b(?:is|are|was|were|be) (?-i:none)\b"
    r"|\b(?:whoever|whomever|anew|afresh|hence|besides|amid)\b"
    r"|(?:^|[.;:] |\b(?:for|of|by|to|from|than|if|but|and) )who\b(?! may\b)"
    r"|[,;:] for (?:it|they|there|that|this|then|nobody|everybody)\b"
    r"|[,;:] for \w+ \w+ (?:is|are|has|had|may|would)\b"
    r"|\b(?:rooms?|doors?|the seed)\b",
    re.IGNORECASE,
)
# Sentences that need the word, as they stand.
EXCEPTIONS = (
    "if there is none",
    "if there was none",
    "if there are none",
    "The MAC tells a token",
)


def prose(source: str) -> Iterator[str]:
    """Yield each docstring, and each block of comments, on one line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ):
            yield " ".join((ast.get_docstring(node) or "").split())
    block: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            block.append(token.string.lstrip("# "))
        elif token.type != tokenize.NL and block:
            yield " ".join(block)
            block = []


def avoided(text: str) -> list[str]:
    for exception in EXCEPTIONS:
        text = text.replace(exception, "")
    return AVOIDED.findall(text)


def paths() -> list[Path]:
    own = Path(__file__)
    return [path for path in python_files() if path != own]


def test_no_docstring_and_no_comment_has_an_avoided_word():
    found = [
        f"{path.relative_to(ROOT)}: {words} in {text[:80]!r}"
        for path in paths()
        for text in prose(path.read_text())
        if (words := avoided(text))
    ]

    assert len(paths()) > 400
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "Tell whether a caller could roll back.",
        "A test's own transaction is none.",
        "Whoever asks is refused.",
        "Batches are read anew.",
        "Return it, for it may be lower.",
        "For who holds a row.",
        "Press the button at the door.",
    ],
)
def test_the_words_are_found(text: str):
    assert avoided(text) != []


def test_plain_sentences_pass():
    assert avoided("Return None if there is none; for its agent only.") == []
    assert avoided("Registers the people who may approve, for the API.") == []
