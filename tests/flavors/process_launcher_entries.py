"""What the tasks of the process launcher's tests do in their fresh processes."""

import atexit
import os
import random
import re
import signal
import subprocess
import sys
import threading


def wait_for_ever(_payload, send):
    send(b"%d" % os.getpid())
    threading.Event().wait()


def _tell_pid_and_stay(pipe):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.write(pipe, b"%d " % os.getpid())
    while True:
        signal.pause()


def _start_stubborn_family():
    """Start a child in a new session and a daemon forked twice, both deaf to SIGTERM; return their ids."""
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.setsid()
        _tell_pid_and_stay(write_end)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            _tell_pid_and_stay(write_end)
        os._exit(0)
    os.wait()
    pids = b""
    while pids.count(b" ") < 2:
        pids += os.read(read_end, 100)
    os.close(read_end)
    os.close(write_end)
    return pids


def stay_with_family(_payload, send):
    send(b"%d " % os.getpid() + _start_stubborn_family())
    threading.Event().wait()


def leave_family(payload, send):
    """End, in the way that the payload names, while descendants live."""
    send(b"%d " % os.getpid() + _start_stubborn_family())
    if payload == b"crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    return b"done"


def hold_the_interpreter(_payload, send):
    send(b"%d" % os.getpid())
    re.match(r"(a+)+$", "a" * 64 + "b")  # exponential, in C, without ever giving the lock away


def stop_itself(_payload, send):
    send(b"%d" % os.getpid())
    os.kill(os.getpid(), signal.SIGSTOP)


def let_child_finish(_payload, send):
    """Die of SIGTERM at once, while a child needs a moment after it."""
    program = (
        "import os, signal, threading\n"
        "def finish(*_):\n"  # the signal may come in the middle of a print, so nothing is printed here
        "    threading.Event().wait(0.2); os.write(1, b'child finished\\n'); os._exit(0)\n"
        "signal.signal(signal.SIGTERM, finish)\n"
        "os.write(1, b'child ready\\n')\n"
        "while True: signal.pause()\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program])
    send(b"%d" % child.pid)
    threading.Event().wait()


def segfault(_payload, _send):
    import ctypes

    ctypes.string_at(0)


def describe_process(_payload, _send):
    with open("/proc/self/status", encoding="utf-8") as file:
        threads = next(line.split()[1] for line in file if line.startswith("Threads"))
    blocked = sorted(int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    return repr(
        {
            "session_leader": os.getsid(0) == os.getpid(),
            "argv": sys.argv,
            "path": sys.path,
            "optimize": sys.flags.optimize,
            "sigterm": signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
            "sigchld": signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL,
            "sigint": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
            "blocked": blocked,
            "threads": int(threads),
            "fds": len(os.listdir("/proc/self/fd")) - 1,
        }
    ).encode()


def report_flags(_payload, _send):
    return repr((list(sys.flags)[:-2], sys.warnoptions, sys._xoptions)).encode()


def has_module(payload, _send):
    return b"yes" if payload.decode() in sys.modules else b"no"


def read_at_import(_payload, _send):
    import process_launcher_reads_environment

    return repr(process_launcher_reads_environment.SEEN).encode()


def draw_random(_payload, _send):
    import numpy as np

    return repr((random.random(), np.random.random())).encode()  # noqa: NPY002  # the global state is the point


def register_exit_handler(_payload, _send):
    atexit.register(print, "exit handler ran")
    threading.Thread(target=lambda: threading.Event().wait(0.05) or print("thread finished")).start()
    return b"answer"


def fork_and_send(_payload, send):
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        try:
            send(b"from the fork")
        except RuntimeError as error:
            os.write(write_end, str(error).encode())
        os._exit(0)
    os.wait()
    send(b"from the step")
    return os.read(read_end, 1000)


def square(number):
    return number * number


def use_multiprocessing(payload, _send):
    import multiprocessing

    with multiprocessing.get_context(payload.decode()).Pool(2) as pool:
        return repr(pool.map(square, range(5))).encode()


def send_from_threads(_payload, send):
    def speak(letter):
        for _ in range(50):
            send(letter * 100_000)

    threads = [threading.Thread(target=speak, args=(letter,)) for letter in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def flood(payload, _send):
    os.write(2, b"")
    with open(1, "wb", closefd=False) as out:
        out.write(b"x" * int(payload))
    return b"done"


def ignore_sigterm_as_child(_payload, _send):
    """Die of SIGTERM at once, and leave a child that ignores it."""
    program = (
        "import signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
