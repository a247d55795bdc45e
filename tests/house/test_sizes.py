"""Files stay small: none has over 400 lines, no function over 70."""

from __future__ import annotations

import ast

from tests.house.source import python_files

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70


def test_no_file_and_no_function_is_long():
    files = {path: path.read_text() for path in python_files()}
    long = [str(path) for path, text in files.items() if lines(text) > FILE_LINES_MAX]
    long += [
        f"{path}: {name}"
        for path, text in files.items()
        for name, length in functions(text)
        if length > FUNCTION_LINES_MAX
    ]

    assert len(files) > 400
    assert long == []


def lines(text: str) -> int:
    return len(text.splitlines())


def functions(text: str) -> list[tuple[str, int]]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        (node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, kinds)
    ]
