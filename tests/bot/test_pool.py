"""Processes that run replays keep to one thread each."""

import os

import pytest

from bot.study.pool import LINEAR_ALGEBRA_THREADS, processes


def test_a_process_of_the_pool_computes_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LINEAR_ALGEBRA_THREADS:
        monkeypatch.delenv(name, raising=False)

    with processes(1) as pool:
        allowed = list(pool.map(os.getenv, LINEAR_ALGEBRA_THREADS))

    assert allowed == ["1", "1", "1"]
