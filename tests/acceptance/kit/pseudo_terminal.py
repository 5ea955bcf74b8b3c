"""Programs in a pseudo terminal: what they write, and what a person would see."""

import codecs
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pyte

SECONDS = 60


class Shown:
    """What a program left on its terminal."""

    def __init__(self, raw, columns, lines, returncode):
        self.raw = raw.decode()
        self.returncode = returncode
        self.screen = pyte.Screen(columns, lines)
        pyte.Stream(self.screen).feed(self.raw)
        self.lines = [line.rstrip() for line in self.screen.display]
        self.text = "\n".join(line for line in self.lines if line)


def run_in_terminal(command, environment, *, columns=80, lines=50, answer=None, interrupt_at=None, then=()):
    """Run a command, and do something on the way.

    `answer` is typed when its first part is seen; at the text `interrupt_at` comes a Ctrl-C; and of
    `then`, pairs of a text and a function, the next function is called when its text is seen.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    raw, end = b"", time.monotonic() + SECONDS
    poll = select.poll()  # unlike select, it takes descriptors of any number
    poll.register(ours, select.POLLIN)
    decode = codecs.getincrementaldecoder("utf-8")().decode
    text = ""
    while time.monotonic() < end:
        if not poll.poll(50):
            continue
        try:
            data = os.read(ours, 65536)
        except OSError:
            break
        if not data:
            break
        raw += data
        text += decode(data)
        if answer and answer[0] in text:
            os.write(ours, answer[1].encode())
            answer = None
        if interrupt_at and interrupt_at in text:
            process.send_signal(signal.SIGINT)
            interrupt_at = None
        while then and then[0][0] in text:
            then[0][1]()
            then = then[1:]
    else:
        process.kill()
    returncode = process.wait(SECONDS)
    os.close(ours)
    return Shown(raw, columns, lines, returncode)
