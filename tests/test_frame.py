"""The frame holds: who may import whom, what is declared and pinned, what no file may say, and how
the tests themselves are run."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("market", "strategies", "brokers", "bot")
PYTHONS = ("3.11.0", "3.12.0", "3.13.0")
DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def project_files() -> tuple[Path, ...]:
    """Return every text file of the project: all below the root that .gitignore does not name."""
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()}

    def below(folder: Path) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            if path.name in ignored | {".git"} or path.match("*.egg-info"):
                continue
            if path.is_dir():
                yield from below(path)
            elif b"\0" not in path.read_bytes():
                yield path

    return tuple(below(ROOT))


def lines_matching(pattern: str, *, outside: tuple[str, ...] = ()) -> list[str]:
    """Return `file:line` of every match in the project, except below the folders `outside`."""
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in project_files()
        if path.relative_to(ROOT).parts[0] not in outside
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(pattern, line)
    ]


@cache
def parsed(folder: str) -> dict[str, ast.Module]:
    """Return the syntax tree of each Python file below a folder, by its path from the root."""
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def sources() -> dict[str, ast.Module]:
    """Return the syntax trees of the four packages."""
    return {path: tree for package in PACKAGES for path, tree in parsed(package).items()}


def imported_modules(tree: ast.Module) -> set[str]:
    """Return the top-level names of all that a file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def declared(group: str | None = None) -> list[Requirement]:
    """Return the declared dependencies of the core, or of one optional group."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    entries = project["optional-dependencies"][group] if group else project["dependencies"]
    return [Requirement(entry) for entry in entries]


def pins() -> list[Requirement]:
    """Return the lines of constraints.txt that are no comment."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def names_of(requirements: list[Requirement]) -> set[str]:
    """Return the normalised names of distributions."""
    return {canonicalize_name(requirement.name) for requirement in requirements}


def run_in(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder with its own modules first, and return what it printed."""
    # What a surrounding `make` or CI says is not for the commands under test.
    foreign = re.compile(r"ALVH_\w+|CI|MAKE\w*|MFLAGS|PYTEST_\w+")
    kept = {name: text for name, text in os.environ.items() if not foreign.fullmatch(name)}
    return subprocess.run(
        command,
        cwd=folder,
        env=kept | {"PYTHONPATH": str(folder)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def import_table(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the import contracts of the sources in a folder."""
    return run_in(folder, str(Path(sys.executable).parent / "lint-imports"), "--no-cache")


@pytest.fixture
def copied_sources(tmp_path: Path) -> Path:
    """Return a copy of the four packages and of the file that holds their contracts."""
    for package in PACKAGES:
        skip_caches = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=skip_caches)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_import_table_of_the_design_holds() -> None:
    verdict = import_table(ROOT)

    assert (verdict.returncode, verdict.stderr) == (0, ""), verdict.stdout


@pytest.mark.parametrize(
    ("planted_in", "line", "arrow"),
    [
        ("market/planted.py", "import strategies.params", "market.planted -> strategies.params"),
        ("strategies/planted.py", "import brokers.base", "strategies.planted -> brokers.base"),
        ("brokers/planted.py", "import strategies.base", "brokers.planted -> strategies.base"),
        ("brokers/sim/planted.py", "import bot.clock", "brokers.sim.planted -> bot.clock"),
        ("brokers/sim/planted.py", "import ib_insync", "brokers.sim.planted -> ib_insync"),
        ("bot/planted.py", "from ib_insync import IB", "bot.planted -> ib_insync"),
        ("bot/planted.py", "import sqlite3", "bot.planted -> sqlite3"),
    ],
)
def test_a_planted_wrong_import_is_found(
    copied_sources: Path, planted_in: str, line: str, arrow: str
) -> None:
    (copied_sources / planted_in).write_text(f"{line}\n", encoding="utf-8")

    verdict = import_table(copied_sources)

    assert verdict.returncode == 1
    assert arrow in " ".join(verdict.stdout.split())


def test_ib_insync_may_be_imported_under_brokers_ib(copied_sources: Path) -> None:
    (copied_sources / "brokers" / "ib").mkdir(exist_ok=True)
    (copied_sources / "brokers" / "ib" / "__init__.py").touch()
    (copied_sources / "brokers" / "ib" / "planted.py").write_text("import ib_insync\n")

    verdict = import_table(copied_sources)

    assert verdict.returncode == 0, verdict.stdout


def test_no_source_outside_brokers_ib_imports_the_tws_client() -> None:
    fenced = {"ib_insync", "ib_async", "eventkit", "nest_asyncio"}

    importers = [path for path, tree in sources().items() if imported_modules(tree) & fenced]

    assert [path for path in importers if not path.startswith("brokers/ib/")] == []


def test_no_file_names_the_host_of_a_package_registry() -> None:
    hosts = r"(?i)py[p]i\.org|python[h]osted|registry\.n[p]mjs|deb\.deb[i]an|proxy\.golang"

    assert lines_matching(hosts) == []


def test_no_file_holds_an_absolute_path_of_somebodys_machine() -> None:
    assert lines_matching(r"(?<![\w.:/-])/(?:home|Users|root|work)/") == []


def test_only_tests_and_benchmarks_know_a_folder_beside_the_checkout() -> None:
    assert lines_matching(r"\.\./shared", outside=(".ci", "tests", "benchmarks")) == []


def test_only_the_shared_fixture_reads_where_the_real_data_lie() -> None:
    readers = {place.split(":")[0] for place in lines_matching("ALVH_DATA")}

    strangers = readers - {"tests/conftest.py", "tests/test_frame.py"}
    assert [path for path in strangers if path.startswith("tests/")] == []


def test_only_the_clocks_read_the_time_of_the_system() -> None:
    readers = {
        f"{path}:{node.lineno}"
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"now", "today", "utcnow", "time"}
        and ast.unparse(node.value) in {"datetime", "date", "datetime.datetime", "time"}
    }

    assert {reader.split(":")[0] for reader in readers} == {"bot/clock.py"}, readers


def undocumented(tree: ast.AST, owner: str = "") -> Iterator[str]:
    """Yield what is public in a module or class and says nothing of itself."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, DEFINITIONS) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None:
            yield f"{owner}{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from undocumented(node, f"{node.name}.")


def test_every_public_module_class_and_function_says_what_it_is() -> None:
    silent = [
        path for path, tree in sources().items() if tree.body and ast.get_docstring(tree) is None
    ]
    silent += [f"{path}: {name}" for path, tree in sources().items() for name in undocumented(tree)]

    assert silent == []


@pytest.mark.parametrize(
    ("folders", "groups"),
    [(PACKAGES, (None, "distributed")), (("tests", "benchmarks"), (None, "dev", "browser"))],
    ids=["the core", "the checks"],
)
def test_every_imported_package_is_declared(
    folders: tuple[str, ...], groups: tuple[str | None, ...]
) -> None:
    known = {name for group in groups for name in names_of(declared(group))}
    own = (
        set(PACKAGES)
        | {"config", "tests", "benchmarks"}
        | {path.stem for path in ROOT.glob("tests/**/*.py")}
    )
    distributions = packages_distributions()

    undeclared = {
        f"{path}: {module}"
        for folder in folders
        for path, tree in parsed(folder).items()
        # Foreign clients and the peers of benchmarks run in environments of their own.
        if not path.startswith(
            ("tests/foreign/", "benchmarks/pricing_peers", "benchmarks/nautilus_")
        )
        for module in imported_modules(tree) - own - set(sys.stdlib_module_names)
        # What is not installed is taken to be named like its module.
        if not {canonicalize_name(name) for name in distributions.get(module, [module])} & known
    }

    assert undeclared == set()


@pytest.mark.parametrize("python", PYTHONS)
def test_every_declared_dependency_has_one_pin_that_satisfies_it(python: str) -> None:
    place = {"python_version": python[:4], "python_full_version": python}
    valid = [pin for pin in pins() if pin.marker is None or pin.marker.evaluate(place)]

    fitting = {
        canonicalize_name(requirement.name): [
            str(pin.specifier).removeprefix("==")
            for pin in valid
            if canonicalize_name(pin.name) == canonicalize_name(requirement.name)
            and requirement.specifier.contains(str(pin.specifier).removeprefix("=="))
        ]
        for requirement in declared() + declared("dev") + declared("browser") + declared("docs")
    }

    assert {name: len(versions) for name, versions in fitting.items()} == dict.fromkeys(fitting, 1)
    assert len(valid) == len(names_of(valid))


def test_the_constraints_hold_plain_pins_and_nothing_else() -> None:
    assert [str(pin) for pin in pins() if not re.fullmatch(r"==[\w.]+", str(pin.specifier))] == []
    assert [str(pin) for pin in pins() if pin.url or pin.extras] == []


def test_make_names_its_targets() -> None:
    listed = run_in(ROOT, "make", "help")

    names = [line.split()[1] for line in listed.stdout.splitlines()]
    assert names == [
        "help",
        "setup",
        "browser",
        "clients",
        "docs",
        "peers",
        "bench",
        "run",
        "test",
        "check",
        "chaos",
        "fuzz",
        "format",
        "clean",
    ]


def test_make_without_a_fitting_python_says_what_to_do(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    old = tmp_path / "python3.10"
    old.write_text("#!/bin/sh\necho 3.10\n")
    old.chmod(0o755)

    refusal = run_in(tmp_path, "make", "setup", f"PYTHON={old}")

    assert refusal.returncode == 2
    assert refusal.stderr.splitlines()[0] == (
        f"setup: found no Python 3.11, 3.12 or 3.13 (tried {old}); install one,"
        " or name it: make setup PYTHON=/path/to/python3.12"
    )
    assert not (tmp_path / ".venv").exists()


def test_make_with_a_python_that_cannot_make_environments_names_the_package(
    tmp_path: Path,
) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    bare = tmp_path / "python3.12"
    bare.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; *) echo 3.12;; esac\n')
    bare.chmod(0o755)

    refusal = run_in(tmp_path, "make", "setup", f"PYTHON={bare}")

    assert refusal.returncode == 2
    assert refusal.stderr.splitlines()[0] == (
        f"setup: {bare} lacks the means to make .venv; install its venv package"
        " (on Debian and Ubuntu: apt install python3-venv), then run make setup again."
    )


SAMPLE_TESTS = """
import pytest

def test_of_plain_code():
    pass

def test_of_real_data(data_folder):
    assert data_folder.name == "recorded"

def test_of_something_absent():
    pytest.skip("the server is absent")
"""


@pytest.fixture
def sample_suite(tmp_path: Path) -> Path:
    """Return a folder of three tests below the shared conftest."""
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "test_sample.py").write_text(SAMPLE_TESTS, encoding="utf-8")
    return tmp_path


def tally(suite: Path, **environment: str) -> tuple[str, str]:
    """Run a suite; return pytest's counts, and all that it printed."""
    printed = run_in(
        suite, sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", **environment
    ).stdout
    return re.sub(r"=+ | in [\d.]+s =+", "", printed.splitlines()[-1]), printed


def test_by_default_a_test_may_skip_and_says_why(sample_suite: Path) -> None:
    counts, printed = tally(sample_suite)

    assert counts == "1 passed, 2 skipped"
    assert "ALVH_DATA names no folder of real market data" in printed


def test_where_nothing_may_skip_a_skip_fails_and_absent_data_are_announced(
    sample_suite: Path,
) -> None:
    counts, printed = tally(sample_suite, ALVH_NO_SKIPS="1")

    assert counts == "1 failed, 1 passed, 1 deselected"
    assert "may not skip here (ALVH_NO_SKIPS=1): Skipped: the server is absent" in printed
    assert "real market data: none (ALVH_DATA is not set), tests marked needs_data are" in printed


def test_where_data_are_named_the_tests_that_need_them_run(sample_suite: Path) -> None:
    (sample_suite / "recorded").mkdir()

    counts, _ = tally(sample_suite, ALVH_DATA=str(sample_suite / "recorded"))

    assert counts == "2 passed, 1 skipped"


def test_a_named_folder_that_is_absent_fails_where_nothing_may_skip(sample_suite: Path) -> None:
    counts, printed = tally(sample_suite, ALVH_DATA="recorded", ALVH_NO_SKIPS="1")

    assert counts == "1 failed, 1 passed, 1 error"
    assert "ALVH_DATA names recorded, which is no folder" in printed
