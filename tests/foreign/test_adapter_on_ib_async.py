"""The adapter's tests once more, in an environment that has `ib_async` in place of `ib_insync`."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".clients" / "adapter" / "bin" / "python"
LONGEST_S = 180


@pytest.fixture
def python() -> str:
    if not PYTHON.exists():
        pytest.skip("the environment with ib_async is not at hand: `make clients` makes it")
    return str(PYTHON)


def test_the_environment_has_ib_async_alone(python: str) -> None:
    code = (
        "from importlib.util import find_spec;"
        "print(find_spec('ib_async') is not None, find_spec('ib_insync') is None)"
    )

    told = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.split() == ["True", "True"]


def test_the_adapter_passes_its_tests_on_ib_async(python: str) -> None:
    words = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/brokers/ib"]
    words += ["tests/contract", "-k", "not exchange"]

    told = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_S, check=False
    )

    assert told.returncode == 0, told.stdout[-3000:]
    assert "passed" in told.stdout
    assert "skipped" not in told.stdout
