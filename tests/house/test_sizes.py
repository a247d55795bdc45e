"""Rooms stay small: no file over 400 lines, no function over 70."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.source import python_files

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70


@pytest.mark.parametrize("path", python_files(), ids=str)
def test_no_file_and_no_function_is_long(path: Path):
    text = path.read_text()

    assert len(text.splitlines()) <= FILE_LINES_MAX
    assert [name for name, lines in functions(text) if lines > FUNCTION_LINES_MAX] == []


def functions(text: str) -> list[tuple[str, int]]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        (node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, kinds)
    ]
