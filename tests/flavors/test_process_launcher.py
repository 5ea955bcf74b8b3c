"""What a step finds in its process, and how the launcher shares the work before the fork."""

import ast
import os
import queue
import signal
import subprocess
import sys
import threading

import pytest
from process_launcher_helpers import SECONDS, forkserver_of, is_alive, task, wait_until_gone, warden_of, watch

from zenml.components.launcher_check import make_task
from zenml.errors import ConfigurationError, StepProcessError
from zenml.flavors.process_launcher import ProcessLauncher
from zenml.flavors.process_tree import children_of


@pytest.fixture
def launcher():
    launcher = ProcessLauncher()
    yield launcher
    launcher.close()


def describe(launcher, **options):
    end = watch(launcher, "describe_process", **options).wait()
    return ast.literal_eval(end.answer.decode())


# -- surroundings


def test_a_step_leads_a_session_so_that_ctrl_c_is_for_the_owner(launcher):
    assert describe(launcher)["session_leader"]


def test_a_step_sees_arguments_and_search_path_of_the_owner(launcher):
    process = describe(launcher)

    assert process["argv"] == sys.argv
    assert process["path"] == sys.path


def test_a_step_has_default_signal_handlers(launcher):
    process = describe(launcher)

    assert process["sigterm"]
    assert process["sigchld"]
    assert process["sigint"]


def test_a_step_does_not_inherit_blocked_or_ignored_signals(launcher):
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
    try:
        process = describe(launcher)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGUSR1})
        signal.signal(signal.SIGTERM, before)

    assert process["blocked"] == []
    assert process["sigterm"]


def test_a_step_starts_with_one_thread_and_few_descriptors(launcher):
    process = describe(launcher)

    assert process["threads"] == 1
    assert process["fds"] == 5  # the three streams, the socket to the owner, the lifeline


def test_inheritable_descriptors_of_the_owner_are_closed_in_steps(launcher):
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    try:
        process = describe(launcher)
    finally:
        os.close(read_end)
        os.close(write_end)

    assert process["fds"] == 5


def test_the_environment_holds_before_a_module_is_imported(launcher):
    module = ("process_launcher_reads_environment",)

    seen = [
        watch(launcher, "read_at_import", environment=environment, preload=module).wait().answer
        for environment in ({}, {"ZENML_TEST_VARIABLE": "one"}, {"ZENML_TEST_VARIABLE": "two"}, {})
    ]

    assert seen == [b"None", b"'one'", b"'two'", b"None"]


def test_a_change_of_the_owners_environment_reaches_the_next_step(launcher, monkeypatch):
    watch(launcher, "read_at_import").wait()

    monkeypatch.setenv("ZENML_TEST_VARIABLE", "later")

    assert watch(launcher, "read_at_import").wait().answer == b"'later'"


def test_an_impossible_environment_ends_the_launch_with_the_reason(launcher):
    end = watch(launcher, "has_module", environment={"NUL": "a\0b"}).wait()

    assert "null byte" in end.problem
    assert watch(launcher, "has_module", b"os").wait().answer == b"yes"


def test_a_step_has_the_interpreter_options_of_the_owner():
    program = (
        "import ast, sys\n"
        f"sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
        "from process_launcher_helpers import watch\n"
        "from zenml.flavors.process_launcher import ProcessLauncher\n"
        "flags = watch(ProcessLauncher(), 'report_flags').wait().answer.decode()\n"
        "assert flags == repr((list(sys.flags)[:-2], sys.warnoptions, sys._xoptions)), flags\n"
    )

    subprocess.run([sys.executable, "-OO", "-B", "-Xutf8", "-Werror::UserWarning", "-c", program], check=True)


def test_idle_forkservers_are_few(launcher):
    for number in range(8):
        watch(launcher, "has_module", environment={"ZENML_TEST_VARIABLE": str(number)}).wait()

    assert sum(link.gone_by is None for link in launcher._loop._links) <= 4


def test_random_numbers_differ_between_steps(launcher):
    drawn = [
        watch(launcher, "draw_random", preload=("random", "numpy.random")).wait().answer for _ in range(3)
    ]

    assert len(set(drawn)) == 3
    assert len({ast.literal_eval(pair.decode())[1] for pair in drawn}) == 3


# -- preloading


def test_a_preloaded_module_is_there_before_the_entry(launcher):
    end = watch(launcher, "has_module", b"wave", preload=("wave",)).wait()

    assert end.answer == b"yes"


def test_a_module_that_cannot_be_imported_is_left_to_the_step(launcher):
    end = watch(launcher, "has_module", b"wave", preload=("no_such_module", "__main__", "wave")).wait()

    assert end.answer == b"yes"


def test_a_preload_that_exits_does_no_harm(launcher, tmp_path):
    (tmp_path / "leaves.py").write_text("print('noise'); import sys; sys.argv[:] = ['?']; sys.exit(3)")
    path = (*sys.path, str(tmp_path))

    watched = watch(launcher, "describe_process", preload=("leaves",), sys_path=path)

    assert ast.literal_eval(watched.wait().answer.decode())["argv"] == sys.argv
    assert watched.output == b""


def test_a_preload_that_crashes_the_forkserver_is_not_tried_again(launcher, tmp_path):
    (tmp_path / "crashes.py").write_text("import os; os.abort()")
    options = {"preload": ("crashes",), "sys_path": (*sys.path, str(tmp_path))}

    first = watch(launcher, "has_module", **options).wait()
    second = watch(launcher, "has_module", **options).wait()

    assert "forkserver" in first.problem
    assert second.answer == b"no"


# -- working in a step


def test_exit_handlers_and_threads_of_the_step_finish(launcher):
    watched = watch(launcher, "register_exit_handler")

    assert watched.wait().answer == b"answer"
    assert b"thread finished" in watched.output
    assert b"exit handler ran" in watched.output


def test_exit_handlers_of_shared_modules_do_not_run_in_steps(launcher, tmp_path):
    marker = tmp_path / "removed"
    (tmp_path / "cleans.py").write_text(f"import atexit; atexit.register(open, {str(marker)!r}, 'w')")
    options = {"preload": ("cleans",), "sys_path": (*sys.path, str(tmp_path))}

    assert watch(launcher, "has_module", b"cleans", **options).wait().answer == b"yes"

    assert not marker.exists()


def test_threads_of_a_step_may_send_at_once(launcher):
    watched = watch(launcher, "send_from_threads")
    watched.wait()

    assert len(watched.events) == 150
    assert all(len(event) == 100_000 and len(set(event)) == 1 for event in watched.events)


def test_a_fork_of_a_step_cannot_send(launcher):
    watched = watch(launcher, "fork_and_send")

    assert b"fork of the step's process" in watched.wait().answer
    assert watched.events == [b"from the step"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_step_may_use_multiprocessing(launcher, method):
    assert watch(launcher, "use_multiprocessing", method.encode()).wait().answer == b"[0, 1, 4, 9, 16]"


def test_output_of_any_size_arrives(launcher):
    watched = watch(launcher, "flood", b"20000000")

    assert watched.wait().answer == b"done"
    assert watched.output == b"x" * 20_000_000


def test_a_segmentation_fault_is_named(launcher):
    end = watch(launcher, "segfault").wait()

    assert (end.answer, end.exit_code, end.signal) == (None, None, signal.SIGSEGV)


def test_memory_and_processor_time_are_told(launcher):
    end = watch(launcher, "has_module").wait()

    assert 1_000_000 < end.peak_memory < 1_000_000_000
    assert 0 <= end.cpu_seconds < 10


def test_an_entry_that_does_not_exist_shows_why(launcher):
    watched = watch(launcher, "no_such_function")

    assert watched.wait().exit_code == 1
    assert b"no_such_function" in watched.output


# -- the owner's side


def test_a_callback_may_launch_the_next_task(launcher):
    ends = []
    all_done = threading.Event()

    def launch_next(end):
        ends.append(end.answer)
        if len(ends) == 3:
            all_done.set()
        else:
            launch()

    def launch():
        launcher.launch(task("has_module", b"os"), on_end=launch_next, on_event=print, on_output=print)

    launch()

    assert all_done.wait(SECONDS)
    assert ends == [b"yes"] * 3


def test_a_callback_that_fails_does_not_stop_others(launcher, monkeypatch):
    reported = queue.Queue()
    monkeypatch.setattr(sys, "excepthook", lambda *error: reported.put(str(error[1])))

    def fail(_):
        raise ValueError("fault of the engine")

    launcher.launch(task("fork_and_send"), on_end=fail, on_event=fail, on_output=fail)

    assert watch(launcher, "has_module", b"os").wait().answer == b"yes"
    assert {reported.get(timeout=SECONDS) for _ in range(2)} == {"fault of the engine"}


def test_many_tasks_leave_no_descriptor_thread_or_zombie(launcher):
    watch(launcher, "has_module").wait()
    mine, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    theirs = len(os.listdir(f"/proc/{forkserver_of(launcher)}/fd"))

    for _ in range(25):
        for watched in [watch(launcher, "has_module") for _ in range(8)]:
            watched.wait()

    assert len(os.listdir("/proc/self/fd")) == mine
    assert len(os.listdir(f"/proc/{forkserver_of(launcher)}/fd")) == theirs
    assert threading.active_count() == threads
    assert children_of(forkserver_of(launcher)) == []


def test_close_leaves_nothing(launcher):
    fds, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    watched = watch(launcher, "wait_for_ever")
    watched.wait_for_event()
    processes = [warden_of(launcher), forkserver_of(launcher)]

    launcher.close()

    assert len(os.listdir("/proc/self/fd")) == fds
    assert threading.active_count() == threads
    assert not any(is_alive(pid) for pid in processes)


def test_a_launcher_that_was_never_used_has_nothing_to_close():
    fds = len(os.listdir("/proc/self/fd"))

    launcher = ProcessLauncher(capacity=3)

    assert len(os.listdir("/proc/self/fd")) == fds
    assert launcher.capacity == 3
    launcher.close()


def test_a_closed_launcher_refuses(launcher):
    launcher.close()

    with pytest.raises(StepProcessError, match="launcher is closed"):
        watch(launcher, "has_module")


def test_a_missing_working_directory_is_named_before_anything_starts(launcher, tmp_path):
    with pytest.raises(ConfigurationError, match="no such folder"):
        watch(launcher, "has_module", working_directory=str(tmp_path / "absent"))


def test_exhausted_descriptors_end_the_launch_with_the_reason(launcher):
    import resource

    watch(launcher, "has_module").wait()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(fd) for fd in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, limits[1]))
    fillers = []
    try:
        while True:
            try:
                fillers.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                break
        end = watch(launcher, "has_module").wait()
    finally:
        for fd in fillers:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    assert "open files" in end.problem
    assert watch(launcher, "has_module", b"os").wait().answer == b"yes"


def test_a_fork_of_the_owner_makes_its_own_launcher(launcher):
    watch(launcher, "has_module").wait()
    read_end, write_end = os.pipe()

    pid = os.fork()
    if pid == 0:
        lines = []
        try:
            try:
                watch(launcher, "has_module")
            except StepProcessError as error:
                lines.append(str(error))
            launcher.close()
            own = ProcessLauncher()
            lines.append(repr(watch(own, "has_module", b"os").wait().answer))
            own.close()
        finally:
            os.write(write_end, "\n".join(lines).encode())
            os._exit(0)
    os.waitpid(pid, 0)
    told = os.read(read_end, 4096).decode()
    os.close(read_end)
    os.close(write_end)

    assert "Make a new launcher in this process" in told
    assert told.endswith("b'yes'")
    assert watch(launcher, "has_module", b"os").wait().answer == b"yes"


def test_the_check_entries_need_nothing_but_the_package(launcher):
    """A task may name any importable module; the check's own are shipped."""
    from zenml.components.launcher_check import Watched

    assert Watched(launcher, make_task("repeat", b"x")).wait().answer == b"xx"


def test_the_forkserver_is_gone_after_close_even_if_it_is_stopped():
    launcher = ProcessLauncher()
    watch(launcher, "has_module").wait()
    warden, forkserver = warden_of(launcher), forkserver_of(launcher)
    os.kill(forkserver, signal.SIGSTOP)

    launcher.close()

    wait_until_gone([warden, forkserver])
