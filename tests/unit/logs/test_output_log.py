"""The log file: whole and readable lines, written within a second, with both ends of what is too long."""

import os

import pytest

from zenml.context import masking
from zenml.logs import log_text, step_log
from zenml.logs.step_log import StepLog
from zenml.views.logs import StepLogs


@pytest.fixture
def log(tmp_path):
    made = StepLog(str(tmp_path / "logs" / "step.log"))
    yield made
    made.close()


def stored(log):
    with open(log.path, "rb") as file:
        return file.read()


def test_nothing_printed_is_no_file(log):
    log.flush()
    log.close()

    assert not os.path.exists(os.path.dirname(log.path))


def test_lines_are_written_by_a_flush_and_the_rest_by_the_end(log):
    log.append(b"one\ntw")
    log.flush()
    before = stored(log)
    log.append(b"o")
    log.close()

    assert (before, stored(log)) == (b"one\n", b"one\ntwo\n")


def test_a_silent_step_s_unfinished_line_is_written(log, monkeypatch):
    monkeypatch.setattr(step_log, "SILENCE", 0.0)
    log.append("is it é".encode()[:-1])
    log.flush()

    assert stored(log) == b"is it "


def test_invalid_bytes_are_escaped_and_cut_characters_are_not(log):
    whole = "é".encode()
    log.append(b"a" + whole[:1])
    log.flush()
    log.append(whole[1:] + b" \xff\n")
    log.close()

    assert stored(log) == "aé \\xff\n".encode()


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        (b" 10%\r 50%\r100%\n", b"100%\n"),
        (b"\r 10%\r 50%\r100%\r\n", b"100%\n"),
        (b"dos\r\nfile\r\n", b"dos\nfile\n"),
        (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07text\n", b"red text\n"),
        (b"a\x1b[2K\rb\n", b"b\n"),
    ],
)
def test_what_only_a_terminal_understands_is_left_out(printed, kept):
    assert log_text.clean(printed) == kept


def test_states_of_a_progress_bar_never_share_a_line(log, monkeypatch):
    monkeypatch.setattr(step_log, "SILENCE", 0.0)
    for state in (b"\r10%", b"\r20%", b"\r30%\n", b"done\n"):
        log.append(state)
        log.flush()
    log.close()

    assert stored(log) == b"10%\n20%\n30%\ndone\n"


def test_a_fast_progress_bar_leaves_its_last_state(log):
    for percent in range(101):
        log.append(b"\r%d%%" % percent)
        log.flush()
    log.append(b"\n")
    log.close()

    assert stored(log).split() in ([b"100%"], [b"0%", b"100%"])


def test_the_first_and_the_last_part_of_a_long_log_are_kept(log, monkeypatch):
    monkeypatch.setattr(step_log, "HEAD", 10_000)
    monkeypatch.setattr(step_log, "SEGMENT", 1_000)
    lines = [b"line %06d\n" % number for number in range(10_000)]
    for begin in range(0, len(lines), 7):
        log.append(b"".join(lines[begin : begin + 7]))
        log.flush()

    running = StepLogs(log.path)
    assert running.tail(3) == ["line 009997", "line 009998", "line 009999"]
    assert running.head(2) == ["line 000000", "line 000001"]

    log.close()
    text = stored(log)
    assert len(text) <= 12_200
    assert text.startswith(b"".join(lines[:800]))
    assert text.endswith(b"".join(lines[-80:]))
    left_out = int(text.partition(b"[")[2].partition(b" bytes left out]")[0].replace(b",", b""))
    assert left_out + len(text) - len(f"[{left_out:,} bytes left out]\n") == sum(map(len, lines))
    assert os.listdir(os.path.dirname(log.path)) == ["step.log"]


def test_bulk_is_written_by_who_prints_it_without_a_copy(log, monkeypatch):
    monkeypatch.setattr(step_log.log_writer, "watch", lambda log: None)
    written = []
    monkeypatch.setattr(step_log.fs, "write", lambda file, data: written.append(data))
    chunk = b"x" * (step_log.BULK - 1) + b"\n"
    log.append(chunk)

    assert len(written) == 1
    assert written[0] is chunk


def test_bulk_does_not_wait_for_who_writes_already(log, monkeypatch):
    monkeypatch.setattr(step_log.log_writer, "watch", lambda log: None)
    with log._writing:
        log.append(b"x" * step_log.BULK + b"\n")

    assert log._waiting_bytes == step_log.BULK + 1


def test_endless_output_is_dropped_instead_of_piling_up(log, monkeypatch):
    monkeypatch.setattr(step_log, "HEAD", 10)
    log.append(b"123456789\n")
    log.flush()
    monkeypatch.setattr(step_log, "MOST_WAITING", 100)
    monkeypatch.setattr(step_log.log_writer, "watch", lambda log: None)
    for _ in range(1000):
        log.append(b"123456789\n")

    assert log._waiting_bytes <= 100


def test_a_full_disk_does_not_fail_the_step(log, monkeypatch, capsys):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(step_log.fs, "write", full)
    log.append(b"text\n")
    log.flush()
    log.append(b"text\n")
    log.close()

    assert capsys.readouterr().err.count("No space left on device") == 1


def test_a_secret_is_masked_wherever_it_is_cut(log, monkeypatch):
    monkeypatch.setattr(masking, "_secrets", masking._Secrets())
    masking.register_secret("hunter22")
    monkeypatch.setattr(step_log, "SILENCE", 0.0)
    for cut in range(1, 8):
        log.append(b"a " + b"hunter22"[:cut])
        log.flush()
        log.append(b"hunter22"[cut:] + b" b\n")
        log.flush()
    log.close()

    assert stored(log) == b"a *** b\n" * 7


@pytest.mark.parametrize("count", [0, 1, 3, 1000, 5000])
def test_the_ends_of_a_log_are_those_of_all_lines(tmp_path, count):
    path = tmp_path / "log"
    lines = [f"é{'x' * (number % 300)} {number}" for number in range(3000)]
    path.write_text("\n".join(lines), "utf-8")
    logs = StepLogs(str(path))

    assert logs.head(count) == lines[:count]
    assert logs.tail(count) == (lines[-count:] if count else [])
    assert list(logs.lines()) == lines


def test_a_part_of_a_log_is_found_by_time(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\nthree\n")
    (tmp_path / "log.times").write_bytes(step_log.ONE_TIME.pack(100, 4) + step_log.ONE_TIME.pack(200, 8))
    logs = StepLogs(str(path))

    assert [list(logs.lines(since=moment)) for moment in (50, 150, 250)] == [
        ["one", "two", "three"],
        ["two", "three"],
        ["three"],
    ]
