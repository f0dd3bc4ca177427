"""Tasks shared by threads: each with a BLAS of one thread, errors told, nothing begun after an interruption."""

import time
from threading import get_ident

import pytest
from threadpoolctl import threadpool_limits

from attncore.threads import allowed_threads, blas, spread

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.skipif(not blas().info(), reason="a BLAS that threadpoolctl does not know")
def test_tasks_are_spread_and_blas_is_held_to_one_thread():
    with threadpool_limits(2):
        before, done, threads = allowed_threads(), [], []

        def worker(tasks):
            for task in tasks:
                done.append(task)
                threads.append(allowed_threads())

        spread(worker, list(range(200)))
        assert sorted(done) == list(range(200))
        assert set(threads) == {1}
        assert allowed_threads() == before


def test_an_error_in_a_thread_is_told_and_the_limit_is_lifted():
    with threadpool_limits(2):
        before = allowed_threads()
        for trouble in (ZeroDivisionError, KeyboardInterrupt):

            def worker(tasks, trouble=trouble):
                for _ in tasks:
                    raise trouble

            with pytest.raises(trouble):
                spread(worker, [1, 2, 3])
            assert allowed_threads() == before


def test_an_error_in_another_thread_is_told():
    caller = get_ident()

    def worker(tasks):
        for _ in tasks:
            if get_ident() != caller:
                raise ZeroDivisionError
            time.sleep(0.01)

    with threadpool_limits(2), pytest.raises(ZeroDivisionError):
        spread(worker, list(range(50)))


def test_after_an_interruption_nothing_more_is_begun():
    caller, begun = get_ident(), []

    def worker(tasks):
        for task in tasks:
            begun.append(task)
            if get_ident() == caller:
                raise KeyboardInterrupt
            time.sleep(0.01)

    with threadpool_limits(2), pytest.raises(KeyboardInterrupt):
        spread(worker, list(range(200)))
    assert len(begun) < 100
