"""Jobs for examples of sweeps; in a module of their own, since other processes import them."""

import os

from bot.sweep.jobs import Row, labels_of
from bot.sweep.plan import Job

FATAL = {"alvh.delta_near": "0.45"}


def deadly(job: Job) -> Row:
    """End the whole process on the second point's run over history, answer all others."""
    if job.world == "history" and dict(job.point) == FATAL:
        os._exit(9)
    return labels_of(job) | {"error": None}
