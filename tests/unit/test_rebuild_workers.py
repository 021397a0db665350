"""The processes that look at calls during a rebuild end with the one that started them, however that ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

_PARENT = """
import multiprocessing, os, time
from concurrent.futures import ProcessPoolExecutor
from pbx_bridge.store.rebuild import _give_way

if __name__ == "__main__":
    pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"), initializer=_give_way)
    print(*{pool.submit(os.getpid).result(), *[process.pid for process in pool._processes.values()]}, flush=True)
    time.sleep(600)
"""


def test_workers_end_with_a_killed_parent() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        assert parent.stdout is not None
        workers = [os.pidfd_open(int(pid)) for pid in parent.stdout.readline().split()]
        try:
            assert workers
            parent.send_signal(signal.SIGKILL)
            for worker in workers:
                assert select.select([worker], [], [], 30)[0], "a worker goes on alone"
        finally:
            for worker in workers:
                os.close(worker)
