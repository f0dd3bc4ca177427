"""Threads for `attncore.tiles`: they share a list of tasks, each with a BLAS of one thread."""

import os
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from threading import Lock

import numpy as np
from threadpoolctl import ThreadpoolController


@cache
def blas():
    return ThreadpoolController().select(user_api="blas")


def allowed_threads():
    """As many as BLAS is allowed, by threadpoolctl or OPENBLAS_NUM_THREADS."""
    return max((library["num_threads"] for library in blas().info()), default=os.cpu_count() or 1)


@cache
def crew():
    """Threads that are kept from call to call, and a lock: the limit on BLAS holds for all."""
    return ThreadPoolExecutor(os.cpu_count(), "attncore"), Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=crew.cache_clear)  # a forked process has no such threads


def spread(worker, tasks):
    """Let several threads take tasks from one list, each with a BLAS of one thread."""
    pool, lock = crew()
    with lock:
        others = min(allowed_threads(), len(tasks)) - 1
        shared = iter(tasks)
        with blas().limit(limits=1):
            jobs = [pool.submit(quietly, worker, shared) for _ in range(others)]
            try:
                quietly(worker, shared)
            finally:
                list(shared)  # after an interruption, nothing more is begun
                wait(jobs)
    for job in jobs:
        job.result()


def quietly(worker, tasks):
    with np.errstate(over="ignore", invalid="ignore"):  # check_finite tells, once
        worker(tasks)
