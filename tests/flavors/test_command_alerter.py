"""The command alerter with real commands."""

import json
import os
import signal
import sys
import threading
import time

import msgspec
import pytest

from zenml.components.alerter import Alert
from zenml.components.alerter_check import CHECKS, AlerterService, Arrived
from zenml.components.flavor import Place
from zenml.errors import ComponentError
from zenml.flavors.command_alerter import FLAVOR, CommandAlerterConfig

PLACE = Place(name="desktop", folder="/nonexistent")
SECONDS = 30
PROGRAM = """\
import json, os, subprocess, sys, time
folder = os.path.dirname(os.path.abspath(__file__))
mode = open(os.path.join(folder, "mode")).read()
if mode == "refuse":
    sys.exit("not with " + os.environ["TOKEN"])
if mode == "hang":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    with open(os.path.join(folder, "pids.new"), "w") as file:
        file.write(f"{os.getpid()} {child.pid}")
    os.rename(os.path.join(folder, "pids.new"), os.path.join(folder, "pids"))
    time.sleep(600)
variables = {name: value for name, value in os.environ.items() if name.startswith("ZENML_ALERT_")}
said = {"arguments": sys.argv[1:], "variables": variables, "stdin": json.loads(sys.stdin.buffer.read())}
path = os.path.join(folder, "messages", str(time.time_ns()) + "-" + str(os.getpid()))
with open(path + ".new", "w") as file:
    json.dump(said, file)
os.rename(path + ".new", path)
"""


class CommandService(AlerterService):
    secrets = ("t0ken-of-command",)

    def __init__(self, folder, view="arguments"):
        self.folder, self.view = folder, view
        self.program = folder / "tell.py"
        self.program.write_text(f"#!{sys.executable}\n{PROGRAM}")
        self.program.chmod(0o700)
        (folder / "messages").mkdir()
        (folder / "mode").write_text("take")
        self.name = str(self.program)

    def make(self, **changes):
        is_hanging = (self.folder / "mode").read_text() == "hang"
        options = {
            "command": [self.name, "{title}", "before {text} after"],
            "environment": {"TOKEN": "t0ken-of-command"},
            "timeout": 1.0 if is_hanging else 20.0,
            **changes,
        }
        return FLAVOR.component(msgspec.convert(options, CommandAlerterConfig), PLACE)

    def messages(self):
        names = sorted(name for name in os.listdir(self.folder / "messages") if not name.endswith(".new"))
        return [json.loads((self.folder / "messages" / name).read_text()) for name in names]

    def arrived(self):
        return [Arrived(text=self.text_of(message)) for message in self.messages()]

    def text_of(self, message):
        if self.view == "arguments":
            return "\n".join(message["arguments"])
        if self.view == "variables":
            return message["variables"]["ZENML_ALERT_TITLE"] + "\n" + message["variables"]["ZENML_ALERT_TEXT"]
        return message["stdin"]["text"]

    def refuse(self):
        (self.folder / "mode").write_text("refuse")

    def hang(self):
        (self.folder / "mode").write_text("hang")

    def stop(self):
        self.program.unlink()


@pytest.fixture
def service(tmp_path):
    return CommandService(tmp_path)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("view", ["arguments", "variables", "stdin"])
def test_command_alerter_conforms(check, view, tmp_path):
    service = CommandService(tmp_path, view)

    check(service.make, service)


def test_the_message_in_all_three_ways(service):
    alert = Alert(title="Failed", text="why", level="failure", fields={"run": "r"}, key="k", thread="t")

    service.make(command=[service.name, "--level={level}", "{title}", "{nothing}"]).post(alert)

    (message,) = service.messages()
    assert message["arguments"] == ["--level=failure", "Failed", "{nothing}"]
    assert message["stdin"]["alert"]["fields"] == {"run": "r"}
    assert message["variables"] == {
        "ZENML_ALERT_TITLE": "Failed",
        "ZENML_ALERT_TEXT": "why\n\nrun: r",
        "ZENML_ALERT_LEVEL": "failure",
        "ZENML_ALERT_LINK": "",
        "ZENML_ALERT_KEY": "k",
        "ZENML_ALERT_THREAD": "t",
    }


def test_a_message_is_no_option(service):
    service.make().post(Alert(title="--rm -rf"))

    assert service.messages()[0]["arguments"][0] == " --rm -rf"


def test_a_placeholder_in_a_message_is_text(service):
    service.make().post(Alert(title="{text}", text="{level}"))

    assert service.messages()[0]["arguments"] == ["{text}", "before {level} after"]


def test_everything_that_a_hanging_command_started_is_ended(service):
    service.hang()

    with pytest.raises(ComponentError, match="did not end within 3 s"):
        service.make(timeout=3).post("text")

    for pid in map(int, (service.folder / "pids").read_text().split()):
        wait_until_gone(pid)


def wait_until_gone(pid):
    end = time.monotonic() + SECONDS
    while is_alive(pid):
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            raise AssertionError(f"process {pid} is still there")
        threading.Event().wait(0.01)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_process_left_behind_holds_up_nobody(service):
    script = "sleep 600 & echo $! > pid"
    service.make(command=["sh", "-c", f"cd {service.folder}; {script}"]).post("text")

    os.kill(int((service.folder / "pid").read_text()), signal.SIGKILL)


def test_a_signal_that_ended_the_command_is_named(service):
    with pytest.raises(ComponentError, match="SIGTERM"):
        service.make(command=["sh", "-c", "kill -TERM $$"]).post("text")


@pytest.mark.parametrize(
    "changes", [{"command": []}, {"command": [""]}, {"environment": {"A=B": "x"}}], ids=str
)
def test_an_impossible_configuration_is_refused(changes):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"command": ["true"], **changes}, CommandAlerterConfig)
