"""The conformance check of model registries: what each must do against its real service.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_registry_conforms(check):
        check(make_registry)

A check calls what it is given for each registry that it wants, all of the same service: what one has
registered another one finds. Each check works on a model of its own. A failed check raises `AssertionError`.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Callable
from typing import Any, TypeAlias

from zenml.components.model_registry import ModelRegistry, ModelToRegister, RegisteredVersion
from zenml.errors import ComponentError, ConfigurationError

RegistryFactory: TypeAlias = Callable[[], ModelRegistry]
Check: TypeAlias = Callable[[RegistryFactory], None]

FILES = {"weights.bin": bytes(range(256)) * 64, os.path.join("deep", "note.txt"): "grün\n".encode()}
"""What is in the folder of a model that the checks register."""


def make_model(**fields: Any) -> ModelToRegister:
    """Return a version of a model of its own."""
    usual = {"name": f"check-{uuid.uuid4().hex[:12]}", "version": "1", "run_name": "training-1"}
    return ModelToRegister(**{**usual, **fields})


def write_files(folder: str, files: dict[str, bytes]) -> str:
    """Write files below a folder; return the folder."""
    for name, content in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
    return folder


def read_files(folder: str) -> dict[str, bytes]:
    """Return the files below a folder, by name."""
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            whole = os.path.join(path, name)
            with open(whole, "rb") as file:
                found[os.path.relpath(whole, folder)] = file.read()
    return found


# -- the checks


def a_version_is_found_by_others(make: RegistryFactory) -> None:
    """What one registry has registered another one lists, as it was told."""
    with tempfile.TemporaryDirectory() as folder:
        model = make_model(
            version="7",
            folder=write_files(folder, FILES),
            description="the best one",
            metadata={"accuracy": 0.93, "classes": ["a", "b"]},
        )
        registered = make().register(model)

    found = _only(make(), model.name)
    _expect(found == registered, f"{found} is not {registered}")
    _expect((found.name, found.version) == (model.name, "7"), f"it is {found}")
    _expect(found.description == "the best one", f"its description is {found.description!r}")
    _expect(found.metadata == model.metadata, f"its metadata is {found.metadata}")
    _expect(found.stage == "none", f"its stage is {found.stage}")
    _expect(bool(found.uri), "it has no uri")


def files_come_back_as_they_were(make: RegistryFactory) -> None:
    """What is fetched is what was in the folder, byte for byte."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as target:
        model = make_model(folder=write_files(folder, FILES))
        version = make().register(model)
        path = make().fetch(model.name, version.registry_version, target)

        _expect(
            os.path.realpath(path).startswith(os.path.realpath(target)), f"{path} is not below the folder"
        )
        found = read_files(path)
        _expect(found == FILES, f"the files are {sorted(found)}")


def a_version_without_files_is_registered(make: RegistryFactory) -> None:
    """Without a folder there is what is known of the version."""
    model = make_model(metadata={"accuracy": 0.5})

    make().register(model)

    found = _only(make(), model.name)
    _expect(found.metadata == {"accuracy": 0.5}, f"its metadata is {found.metadata}")


def registering_again_makes_no_second_version(make: RegistryFactory) -> None:
    """The same version is brought up to date."""
    with tempfile.TemporaryDirectory() as folder:
        write_files(folder, FILES)
        model = make_model(folder=folder, metadata={"accuracy": 0.5})
        first = make().register(model)
        again = make_model(
            name=model.name, folder=folder, description="now described", metadata={"accuracy": 0.6}
        )
        second = make().register(again)

    found = _only(make(), model.name)
    _expect(second.registry_version == first.registry_version, f"{second} is another version than {first}")
    _expect(found.description == "now described", f"its description is {found.description!r}")
    _expect(found.metadata == {"accuracy": 0.6}, f"its metadata is {found.metadata}")


def other_files_are_no_silent_change(make: RegistryFactory) -> None:
    """A version that is registered with other files is refused, or has them afterwards."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as target:
        model = make_model(folder=write_files(folder, FILES))
        version = make().register(model)
        write_files(folder, {"weights.bin": b"other"})
        try:
            version = make().register(model)
        except ComponentError:
            expected = FILES
        else:
            expected = {**FILES, "weights.bin": b"other"}
        found = read_files(make().fetch(model.name, version.registry_version, target))

    _expect(found == expected, "the files are neither those before nor those after")


def versions_come_in_their_order(make: RegistryFactory) -> None:
    """The oldest version is first, also beyond the ninth."""
    registry, model = make(), make_model()
    for number in range(1, 12):
        registry.register(make_model(name=model.name, version=str(number)))

    found = [one.version for one in make().versions(model.name)]
    _expect(found == [str(number) for number in range(1, 12)], f"the versions are {found}")


def an_unknown_model_has_no_versions(make: RegistryFactory) -> None:
    """It is no error."""
    found = list(make().versions(make_model().name))
    _expect(found == [], f"there are {found}")


def a_stage_belongs_to_one_version(make: RegistryFactory) -> None:
    """The version that was in production gives way, and is archived."""
    registry, first, second = _two_versions(make)

    registry.set_stage(first.name, first.registry_version, "production")
    told = registry.set_stage(first.name, second.registry_version, "production")

    stages = [one.stage for one in make().versions(first.name)]
    _expect(told.stage == "production", f"it says {told.stage}")
    _expect(stages == ["archived", "production"], f"the stages are {stages}")


def a_version_leaves_a_stage(make: RegistryFactory) -> None:
    """A version has one stage at a time, and may have none again."""
    registry, first, _ = _two_versions(make)
    seen = []

    for stage in ("staging", "production", "archived", "none", "none"):
        registry.set_stage(first.name, first.registry_version, stage)
        seen.append([one.stage for one in make().versions(first.name)])

    expected = [[stage, "none"] for stage in ("staging", "production", "archived", "none", "none")]
    _expect(seen == expected, f"the stages were {seen}")


def an_unknown_stage_is_refused(make: RegistryFactory) -> None:
    """A stage that there is not is an error of who asks."""
    registry, first, _ = _two_versions(make)
    try:
        registry.set_stage(first.name, first.registry_version, "best")
    except ConfigurationError:
        return
    raise AssertionError("the stage `best` was taken")


def a_deleted_version_is_gone(make: RegistryFactory) -> None:
    """It is deleted with its stage, the other one stays, and deleting it again is no error."""
    registry, first, second = _two_versions(make)
    registry.set_stage(first.name, first.registry_version, "production")

    registry.delete(first.name, first.registry_version)
    registry.delete(first.name, first.registry_version)
    registry.delete(make_model().name, "1")

    found = [(one.version, one.stage) for one in make().versions(first.name)]
    _expect(found == [(second.version, "none")], f"there are {found}")


def a_deleted_version_can_be_registered_again(make: RegistryFactory) -> None:
    """Its number is free again."""
    registry, first, _ = _two_versions(make)
    registry.delete(first.name, first.registry_version)

    registry.register(make_model(name=first.name, version=first.version))

    found = sorted(one.version for one in make().versions(first.name))
    _expect(found == ["1", "2"], f"there are {found}")


def what_is_not_there_cannot_be_used(make: RegistryFactory) -> None:
    """Fetching or promoting a version that there is not is a `ComponentError`."""
    registry, first, _ = _two_versions(make)
    with tempfile.TemporaryDirectory() as folder:
        for use in (
            lambda: registry.fetch(first.name, "999", folder),
            lambda: registry.set_stage(first.name, "999", "production"),
        ):
            try:
                use()
            except ComponentError:
                continue
            raise AssertionError("a version that is not there was used")


CHECKS: tuple[Check, ...] = (
    a_version_is_found_by_others,
    files_come_back_as_they_were,
    a_version_without_files_is_registered,
    registering_again_makes_no_second_version,
    other_files_are_no_silent_change,
    versions_come_in_their_order,
    an_unknown_model_has_no_versions,
    a_stage_belongs_to_one_version,
    a_version_leaves_a_stage,
    an_unknown_stage_is_refused,
    a_deleted_version_is_gone,
    a_deleted_version_can_be_registered_again,
    what_is_not_there_cannot_be_used,
)
"""Every check."""


def _two_versions(make: RegistryFactory) -> tuple[ModelRegistry, RegisteredVersion, RegisteredVersion]:
    registry, model = make(), make_model()
    first = registry.register(model)
    second = registry.register(make_model(name=model.name, version="2"))
    return registry, first, second


def _only(registry: ModelRegistry, name: str) -> RegisteredVersion:
    versions = registry.versions(name)
    _expect(len(versions) == 1, f"there are {len(versions)} versions: {versions}")
    return versions[0]


def _expect(condition: bool, message: str) -> None:  # noqa: FBT001  # reads as a statement
    if not condition:
        raise AssertionError(message)
