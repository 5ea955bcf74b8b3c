"""The reference is true: it is what the source says, its examples run, its JSON keys are those printed."""

import importlib.util
import inspect
import json
import os
import re
import shlex
import signal
import sys
import threading
import types

import click
import pytest

from zenml import errors
from zenml.cli.component_commands import EXAMPLES
from zenml.cli.main import cli
from zenml.client import Client
from zenml.components.flavor import Flavor
from zenml.components.model_registry import ModelRegistry, RegisteredVersion
from zenml.components.registry import BUILT_IN
from zenml.records.run import Run

ROOT = os.path.join(os.path.dirname(__file__), "..", "..", "..")
FLOW = """
from zenml import pipeline, step

@step
def load(count: int = 4) -> list[float]:
    return [number / count for number in range(count)]

@step
def train(data: list[float], rate: float) -> float:
    print("training")
    return rate * len(data)

@pipeline
def train_pipeline(rate: float = 1.0):
    train(load(), rate)
"""
MODEL_FLOW = """
from zenml import Model, log_metadata, pipeline, step

@step
def fit(rate: float) -> float:
    log_metadata({"accuracy": 1 - rate}, infer_model=True)
    return rate

@pipeline(model=Model("churn", description="Who leaves", tags=["trees"]))
def churn_pipeline(rate: float = 0.1):
    fit(rate)
"""
SCHEDULED_FLOW = """
schedule: {name: nightly, cron_expression: "0 2 * * *"}
"""
ASK_FLOW = """
from zenml import pipeline, wait

@pipeline(dynamic=True)
def ask_pipeline():
    wait(question="Deploy it?")
"""
_spec = importlib.util.spec_from_file_location(
    "make_reference", os.path.join(ROOT, "docs", "make_reference.py")
)
make_reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make_reference)
COMMANDS = {
    path: command for path, command in make_reference.commands(cli) if not isinstance(command, click.Group)
}


def page(name):
    with open(os.path.join(ROOT, "docs", "reference", name), encoding="utf-8") as file:
        return file.read()


JSON_KEYS = dict(re.findall(r"^\| `(zenml [^`]+)` \| (.+) \|$", page("json.md"), re.MULTILINE))


def keys_of(path):
    text = JSON_KEYS[path]
    if text.startswith("`flavors`"):
        return {"flavors"}
    if text.startswith("page"):
        return {"items", "total", "page", "size", "total_pages"}
    if text.startswith("as "):
        return keys_of(re.search(r"`(.+)`", text)[1])
    return set(re.findall(r"`(\w+)`", text))


@pytest.fixture
def store(zenml, tmp_path):
    """Two runs of a pipeline, an artifact that nothing uses, a secret and a file of values."""
    (tmp_path / "flow.py").write_text(FLOW)
    assert zenml("pipeline", "run", "flow.py", "--name", "first").status == 0
    assert zenml("pipeline", "run", "flow.py", "--name", "nightly", "--param", "rate=0.5").status == 0
    assert zenml("tag", "add", "nightly", "baseline").status == 0
    (tmp_path / "aws.env").write_text("AWS_ACCESS_KEY_ID=abc\n")
    Client().create_secret("api_keys", {"OLD_TOKEN": "old", "TOKEN": "new"})


def delete_first(zenml):
    assert zenml("run", "delete", "first", "--yes").status == 0


@pytest.fixture
def hosts(path, request, monkeypatch):
    """The server that an example names, where it names one."""
    if path == "zenml connect":
        server = request.getfixturevalue("postgresql_server")
        for name, value in server.stands_in_for_the_host_of_pages().items():
            monkeypatch.setenv(name, value)


@pytest.fixture
def shelf(path, zenml_store, monkeypatch):
    """A model registry in the active stack, where an example needs one."""
    if path != "zenml model register":
        return

    class Shelf(ModelRegistry):
        versions = set_stage = delete = fetch = None

        def __init__(self, config, place):
            pass

        def register(self, model):
            return RegisteredVersion(name=model.name, registry_version="1", uri=f"shelf:/{model.name}/1")

    module = types.ModuleType("shelf_flavor")
    module.FLAVOR = Flavor(type="model_registry", name="shelf", component=Shelf)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(BUILT_IN, ("model_registry", "shelf"), module.__name__)
    client = Client()
    client.create_stack_component("shelf", "shelf", "model_registry")
    client.create_stack("serving", {"model_registry": "shelf"})
    client.activate_stack("serving")


@pytest.fixture
def end(path):
    """Ends what would serve for ever, once it serves."""
    if path != "zenml schedule serve":
        yield
        return
    is_over = threading.Event()

    def wait_and_end():
        while not is_over.wait(0.01):
            if Client().store.schedules.schedulers():
                os.kill(os.getpid(), signal.SIGTERM)
                return

    thread = threading.Thread(target=wait_and_end)
    thread.start()
    yield
    is_over.set()
    thread.join()


def prints_json(path):
    """Tell whether a command has the flag; `run answer` takes JSON by an option of that name."""
    return any("--json" in option.opts and option.is_flag for option in COMMANDS[path].params)


def prepare(zenml, path):
    """Do what the example of a command needs beside the two runs."""
    if path == "zenml artifact delete":
        delete_first(zenml)
    if path == "zenml store restore":
        assert zenml("store", "backup", "store-copy").status == 0
    if path == "zenml run resume":
        (run,) = Client().store.select(Run, name="nightly")
        Client().store.update(Run, run.id, status="interrupted")
    if path == "zenml run answer":
        assert zenml("run", "delete", "nightly", "--yes").status == 0
        with open("ask_flow.py", "w", encoding="utf-8") as file:
            file.write(ASK_FLOW)
        assert zenml("pipeline", "run", "ask_flow.py", "--name", "nightly").status == 0
    prepare_stacks(zenml, path)
    if path.startswith("zenml schedule "):
        with open("nightly.yaml", "w", encoding="utf-8") as file:
            file.write(SCHEDULED_FLOW)
        assert zenml("pipeline", "run", "flow.py", "--config", "nightly.yaml").status == 0
        assert zenml("schedule", "trigger", "nightly").status == 0
    if path.startswith("zenml model "):
        with open("churn_flow.py", "w", encoding="utf-8") as file:
            file.write(MODEL_FLOW)
        for rate in ("rate=0.1", "rate=0.2"):
            assert zenml("pipeline", "run", "churn_flow.py", "--param", rate).status == 0


def prepare_stacks(zenml, path):
    """Register the component, or the stack, that the example of a command is about."""
    *_, group, verb = path.split()
    needs_one = verb in ("describe", "update", "delete", "set", "list")
    kind = group.replace("-", "_")
    if kind in EXAMPLES and needs_one:
        name, registers, _ = EXAMPLES[kind]
        assert zenml(group, "register", name, *shlex.split(registers)).status == 0
    if group == "stack":
        name, registers, _ = EXAMPLES["alerter"]
        assert zenml("alerter", "register", name, *shlex.split(registers)).status == 0
        if needs_one:
            assert zenml("stack", "register", "training").status == 0


@pytest.mark.parametrize("name", make_reference.PAGES)
def test_a_page_is_what_the_source_says(name):
    assert page(name) == make_reference.PAGES[name](), "run: python docs/make_reference.py"


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_option_has_help_and_an_example(path):
    command = COMMANDS[path]
    text = page("cli.md")

    assert command.help
    assert command.example.startswith(path)
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert all(name in text for name in option.opts)


def test_every_error_is_documented():
    kinds = {
        name
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, errors.ZenMLError)
    }

    assert kinds == set(re.findall(r"^## `(\w+)`$", page("errors.md"), re.MULTILINE))
    assert kinds == set(re.findall(r"(?:── |^)(\w+Error)", errors.__doc__, re.MULTILINE))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_example_runs_and_prints_the_documented_keys(path, zenml, store, hosts, shelf, end):
    prepare(zenml, path)
    words = shlex.split(COMMANDS[path].example)[1:]
    takes_json = prints_json(path)

    result = zenml(*words, *(["--json"] if takes_json and "--json" not in words else []))

    assert result.status == 0, result.err
    if path == "zenml run diff":
        assert set(json.loads(result.out)) == {"before", "after", "code", "outputs", "blind_spots"}
    elif path == "zenml run watch":  # an object a line, of the kind that `event` tells
        for line in result.out.splitlines():
            assert {"event"} <= set(json.loads(line)) <= keys_of(path)
    elif takes_json:
        assert set(json.loads(result.out)) == keys_of(path)


@pytest.mark.parametrize("path", COMMANDS)
def test_every_example_runs_for_people(path, zenml, store, hosts, shelf, end):
    prepare(zenml, path)
    left_out = "--json" if prints_json(path) else None
    result = zenml(*[word for word in shlex.split(COMMANDS[path].example)[1:] if word != left_out])

    assert result.status == 0, result.err
    assert result.out or path in ("zenml pipeline run", "zenml run watch")  # those speak on standard error
