"""Leave marks in the trace of a test. A package of its own, as other people's flavors are."""

import os
from typing import Annotated

import msgspec
from labkit import mark
from msgspec import Meta

from zenml.components.alerter import Alert, Alerter
from zenml.components.experiment_tracker import ExperimentTracker, TrackedRun
from zenml.components.flavor import Configuration, Flavor, SecretText
from zenml.components.model_registry import ModelRegistry, RegisteredVersion
from zenml.components.orchestrator import Orchestrator
from zenml.errors import ComponentError


class MarkerConfig(Configuration, frozen=True, kw_only=True):
    """What the tests configure."""

    word: Annotated[str, Meta(description="Left with each mark.")] = ""
    password: Annotated[SecretText, Meta(description="Tells whether secrets arrive.")] = ""


class Marker(Alerter):
    flavor = "marker"

    def __init__(self, config, place):
        self.config = config

    def post(self, message, params=None):
        parts = msgspec.structs.asdict(message) if isinstance(message, Alert) else {"text": message}
        more = {"word": self.config.word, "password": self.config.password} if self.config.word else {}
        mark("post", is_alert=isinstance(message, Alert), **parts, **more)
        if os.path.exists("die"):
            os.kill(os.getpid(), 9)
        if os.path.exists("down"):
            raise ComponentError("Alerter `marker` did not take the message: it is down. Repair it.")
        return True


class Notebook(ExperimentTracker):
    def __init__(self, config, place):
        self.name = place.name

    def start(self, step, settings=None):
        mark("tracked", step=step.step, by=self.name, pid=os.getpid())
        return TrackedRun(id=f"page of {step.step}", url=f"http://notebook/{step.step}")

    def finish(self, *, failure):
        mark("finished", failure=None if failure is None else str(failure))


class Shelf(ModelRegistry):
    def __init__(self, config, place):
        pass

    def register(self, model):
        if os.path.exists("down"):
            raise ComponentError("The shelf is full.")
        files = [] if model.folder is None else sorted(os.listdir(model.folder))
        mark("registered", model=model.name, version=model.version, files=files, source=model.source)
        return RegisteredVersion(
            name=model.name, registry_version=f"r{model.version}", uri=f"shelf:/{model.name}/{model.version}"
        )

    def versions(self, name):
        return ()

    def set_stage(self, name, registry_version, stage):
        mark("staged", model=name, version=registry_version, stage=stage)
        return RegisteredVersion(name=name, registry_version=registry_version, stage=stage)

    def delete(self, name, registry_version):
        pass

    def fetch(self, name, registry_version, folder):
        return folder


class Pot(Orchestrator):
    synchronous = True

    def __init__(self, config, place):
        pass

    def launcher(self):
        from zenml.flavors.process_launcher import ProcessLauncher

        return ProcessLauncher()


ALERTER = Flavor(type="alerter", name="marker", component=Marker, config=MarkerConfig)
TRACKER = Flavor(type="experiment_tracker", name="notebook", component=Notebook)
ORCHESTRATOR = Flavor(
    type="orchestrator", name="pot", component=Pot, capabilities=frozenset({"inline", "isolated"})
)
REGISTRY = Flavor(type="model_registry", name="shelf", component=Shelf)
