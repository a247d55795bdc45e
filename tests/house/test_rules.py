"""Rules about the code itself; a rule without a test is a wish."""

from __future__ import annotations

import ast
import re

import pytest

from audit.core.actions import ACTIONS
from tests.house.source import APPS, ROOT, python_files
from transactions.decisions.core.reasons import MESSAGES

OWN_EXAMPLES = ("conftest.py", "mutants.py", "transactions/test_money_machine.py")


def test_the_files_are_found():
    names = {path.relative_to(ROOT).parts[0] for path in python_files()}

    assert names == {*APPS, "tests", "benchmarks"}


def test_every_save_names_its_fields():
    saves = [
        (path, node)
        for path in python_files(*APPS)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "save"
    ]
    bare = [
        f"{path}:{node.lineno}"
        for path, node in saves
        if not {"update_fields", "force_insert", "commit"}
        & {keyword.arg for keyword in node.keywords}
        and not isinstance(node.func.value, ast.Call)  # type: ignore[attr-defined]
    ]

    assert len(saves) > 20
    assert bare == []


# A person typed a name that is taken; axes' own row went away.
CONFLICTS_CAUGHT = (
    "accounts/lock_out.py",
    "accounts/services/people.py",
    "agents/services/access.py",
)


def test_what_happens_once_is_inserted_once_and_no_error_of_the_database():
    """audit.base.once: a conflict that is expected would be in the database's log."""
    catching = {
        str(path.relative_to(ROOT))
        for path in python_files(*APPS)
        if re.search(r"except[^:]*IntegrityError", path.read_text())
    }

    assert catching == {*CONFLICTS_CAUGHT}


NO_LINK = re.compile(r"opener=follow_no_link|os\.fdopen\(")


def test_nothing_in_a_data_directory_is_written_through_a_link():
    """It may have come with one; write_whole() and O_NOFOLLOW follow none."""
    files = [
        path
        for path in python_files("platform_site")
        if path.parent.name == "engines" or path.name in ("supervisor.py", "keys.py")
    ]
    files.append(ROOT / "audit" / "sinks.py")
    sources = {path.name: path.read_text() for path in files}

    assert {"processes.py", "directories.py", "supervisor.py"} < {*sources}
    follows = r"\.write_(?:text|bytes)\(|copyfile\(|os\.truncate\(|\bopen\(.*\"[wa+]"
    opened = 0
    for name, source in sources.items():
        lines = [line for line in source.splitlines() if re.search(follows, line)]
        assert [line for line in lines if not NO_LINK.search(line)] == [], name
        opened += source.count("os.open(")
        assert source.count("os.open(") == len(re.findall("NOFOLLOW|O_EXCL", source))
    assert opened == 4


def test_every_reason_code_is_documented():
    text = (ROOT / "docs" / "reason-codes.md").read_text()

    assert len(MESSAGES) > 20
    assert [code for code in MESSAGES if f"### `{code}`" not in text] == []


def test_every_reason_code_is_used():
    source = "".join(path.read_text() for path in python_files("transactions"))

    assert [code for code in MESSAGES if source.count(f'"{code}"') < 2] == []


def test_every_action_of_the_catalogue_is_recorded_somewhere():
    files = [path for path in python_files(*APPS) if path.name != "actions.py"]
    source = "".join(path.read_text() for path in files)

    assert len(ACTIONS) > 50
    assert [name for name in ACTIONS if f'"{name}"' not in source] == []


def test_every_setting_from_the_environment_is_documented():
    source = (ROOT / "platform_site" / "settings.py").read_text()
    names = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source))
    text = (ROOT / "docs" / "settings.md").read_text()

    assert len(names) > 20
    assert {name for name in names if f"`{name}`" not in text} == set()


def dependencies(title: str) -> list[str]:
    """Return the names of a list of pyproject.toml."""
    block = (ROOT / "pyproject.toml").read_text().split(f"{title} = [", 1)[1]
    return re.findall(r'^\s*"([A-Za-z0-9_-]+)', block.split("]\n", 1)[0], re.MULTILINE)


@pytest.mark.parametrize(
    ("title", "lock", "least"),
    [
        ("dependencies", "requirements.txt", 30),
        ("dev", "requirements-dev.txt", 30),
        ("stress", "requirements-stress.txt", 1),
    ],
)
def test_every_direct_dependency_is_locked(title: str, lock: str, least: int):
    locked = re.findall(r"^([\w.-]+)(?:\[\S+\])?==", (ROOT / lock).read_text(), re.M)

    assert len(locked) >= least
    wanted = {name.lower() for name in dependencies(title)}
    assert len(wanted) >= min(least, 10)
    assert wanted - {name.lower() for name in locked} == set()


def test_every_direct_dependency_has_its_line_in_the_readme():
    names = dependencies("dependencies")
    readme = (ROOT / "README.md").read_text()

    assert len(names) > 15
    assert [name for name in names if f"| {name} |" not in readme] == []


def test_properties_take_their_number_of_examples_from_the_profile():
    """The gate's is small, `make stress` has many; a state machine counts its own."""
    own = [ROOT / "tests" / name for name in OWN_EXAMPLES]
    tests = [path for path in python_files("tests") if path not in own]

    word = "max_examples" + "="
    assert all(word in path.read_text() for path in own)
    assert [str(path) for path in tests if word in path.read_text()] == []
