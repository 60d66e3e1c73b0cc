"""Runs the emulator: serve.py STATE_DIR

The lock on STATE_DIR/lock is held as long as this runs, whoever started it: that is how others know. With
WATERSHED_TIED=1 it stops when its standard input ends, which is when the process that started it is gone,
however that came about. Nothing of its process group survives it.
"""

import fcntl
import os
import signal
import sys
import threading

state_dir = sys.argv[1]
lock = open(os.path.join(state_dir, "lock"), "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.exit(f"{state_dir} is in use: another emulator runs there")
lock.write(str(os.getpid()))
lock.flush()


def stop_with_parent():
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if os.environ.pop("WATERSHED_TIED", "") == "1":
    threading.Thread(target=stop_with_parent, daemon=True).start()

sys.argv = ["ministack"]
from mend import mend  # noqa: E402
from ministack.app import main  # noqa: E402

mend()
try:
    main()
finally:
    sys.stdout.flush()
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
