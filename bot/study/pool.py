"""Processes that run replays, and end with the one that started them."""

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process

# Read when numpy and scipy are loaded, so that they count in the new processes alone.
LINEAR_ALGEBRA_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def processes(count: int) -> ProcessPoolExecutor:
    """Return a pool of `count` fresh processes.

    A process that waits for work does not notice that its parent was killed; these do. None of
    them brings threads for linear algebra: a replay's is too small to be shared out, and idle
    threads of one process take their share of the core that another computes on.
    """
    for name in LINEAR_ALGEBRA_THREADS:
        os.environ.setdefault(name, "1")
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_end_with_parent)


def _end_with_parent() -> None:
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
