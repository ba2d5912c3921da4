"""Where jobs run: processes on this machine, or an existing cluster of dask.distributed.

Both call `run_job` and nothing else, so the numbers are the same to the last digit. Rules of this
file:
- A process that dies takes no other job with it. The pool cannot tell which job killed it, so what
  was left is run again one by one, each in a process of its own; what dies again has failed.
- Dask moves the jobs of a dead worker to another; a job that several workers died of has failed.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from enum import StrEnum
from typing import Any

from bot.study.pool import processes
from bot.sweep.jobs import Row, failed, run_job
from bot.sweep.plan import Job
from market.errors import BrokerUnavailable, ConfigError

DIED = "its process died"
CONNECT_SECONDS = 20
Runner = Callable[[Job], Row]


class EngineName(StrEnum):
    """The engines to choose from."""

    LOCAL = "local"
    DASK = "dask"


def run_local(jobs: Sequence[Job], workers: int, run: Runner = run_job) -> Iterator[Row]:
    """Yield the row of each job as it is done, on `workers` processes."""
    if workers <= 1:
        yield from map(run, jobs)
        return
    left = {job.name: job for job in jobs}
    with processes(workers) as pool:
        futures = {pool.submit(run, job): job for job in jobs}
        for future in as_completed(futures):
            try:
                row = future.result()
            except BrokenProcessPool:
                continue
            del left[futures[future].name]
            yield row
    for job in left.values():
        yield _alone(job, run)


def _alone(job: Job, run: Runner) -> Row:
    with processes(1) as pool:
        try:
            return pool.submit(run, job).result()
        except BrokenProcessPool:
            return failed(job, DIED)


def run_dask(
    jobs: Sequence[Job],
    scheduler: str | None,
    workers: int,
    run: Runner = run_job,
    connect_seconds: int = CONNECT_SECONDS,
) -> Iterator[Row]:
    """Yield the row of each job as it is done, on the scheduler named or on one started here.

    Raises:
        ConfigError: the extra `distributed` is not installed.
        BrokerUnavailable: no scheduler answers at that address.
    """
    try:
        import distributed  # noqa: PLC0415 - an extra, only when used
    except ImportError:
        raise ConfigError(
            "--engine dask needs the extra distributed; install alvh-bot[distributed]."
        ) from None
    with _client(distributed, scheduler, workers, connect_seconds) as client:
        # Equal jobs of an earlier sweep must not be answered from the cluster's memory.
        futures = client.map(run, jobs, pure=False)
        by_key = {future.key: job for future, job in zip(futures, jobs, strict=True)}
        done: Any = distributed.as_completed  # untyped
        for future in done(futures):
            if future.status == "finished":
                yield future.result()
            else:
                yield failed(by_key[future.key], f"{DIED}, or dask lost it: {future.exception()}")
            future.release()


def _client(distributed: Any, scheduler: str | None, workers: int, seconds: int) -> Any:
    if scheduler is None:
        return distributed.Client(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
        )
    try:
        return distributed.Client(scheduler, timeout=seconds)
    except (OSError, ValueError) as error:
        raise BrokerUnavailable(
            f"no dask scheduler answers at {scheduler} ({error}); start one with `dask scheduler`."
        ) from None
