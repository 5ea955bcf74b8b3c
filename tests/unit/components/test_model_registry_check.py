"""The checks of model registries pass with a registry that does all, and fail with one that does not."""

import os

import msgspec
import pytest

from zenml.components.model_registry import ModelRegistry, RegisteredVersion
from zenml.components.model_registry_check import CHECKS, read_files, write_files
from zenml.errors import ComponentError, ConfigurationError


class InMemory(ModelRegistry):
    """A registry in memory, shared by all with the same dictionaries; `flaw` names what it does wrongly."""

    def __init__(self, kept, flaw=None):
        self.kept = kept
        self.flaw = flaw

    def register(self, model):
        found = self.kept.setdefault(model.name, {})
        files = read_files(model.folder) if model.folder else {}
        known = [one for one, _ in found.values() if one.version == model.version]
        if known and self.flaw != "twice":
            if files and files != found[known[0].registry_version][1] and self.flaw != "mixes":
                raise ComponentError("It has other files.")
            number = known[0].registry_version
        else:
            number = str(max((int(one) for one in found), default=0) + 1)
        version = RegisteredVersion(
            name=model.name,
            registry_version=number,
            version=model.version,
            uri=f"memory:{model.name}/{number}",
            description="" if self.flaw == "description" else model.description,
            metadata=model.metadata,
        )
        if self.flaw == "mixes" and number in found:
            files = {**found[number][1], "weights.bin": b"mixed"}
        found[number] = (version, {} if self.flaw == "files" else files)
        return version

    def versions(self, name):
        if self.flaw == "unknown":
            self.kept[name]
        key = str if self.flaw == "order" else int
        return [one for _, (one, _) in sorted(self.kept.get(name, {}).items(), key=lambda item: key(item[0]))]

    def set_stage(self, name, registry_version, stage):
        if stage not in {"none", "staging", "production", "archived"} and self.flaw != "stages":
            raise ConfigurationError("There is no such stage.")
        found = self.kept[name]
        if registry_version not in found:
            if self.flaw == "missing":
                return None
            raise ComponentError("There is no such version.")
        for number, (one, files) in found.items():
            if one.stage == stage and stage in {"staging", "production"} and self.flaw != "shared":
                found[number] = (msgspec.structs.replace(one, stage="archived"), files)
        version, files = found[registry_version]
        if not (self.flaw == "stuck" and stage == "none"):
            found[registry_version] = (msgspec.structs.replace(version, stage=stage), files)
        return found[registry_version][0]

    def delete(self, name, registry_version):
        if self.flaw == "delete":
            del self.kept[name][registry_version]
        elif self.flaw != "keeps":
            self.kept.get(name, {}).pop(registry_version, None)

    def fetch(self, name, registry_version, folder):
        if registry_version not in self.kept[name]:
            raise ComponentError("There is no such version.")
        return write_files(os.path.join(folder, "files"), self.kept[name][registry_version][1])


def factory(flaw=None):
    kept = {}
    return lambda: InMemory(kept, flaw)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_registry_that_does_all_passes(check):
    check(factory())


@pytest.mark.parametrize(
    ("flaw", "name"),
    [
        ("description", "a_version_is_found_by_others"),
        ("files", "files_come_back_as_they_were"),
        ("twice", "registering_again_makes_no_second_version"),
        ("mixes", "other_files_are_no_silent_change"),
        ("order", "versions_come_in_their_order"),
        ("unknown", "an_unknown_model_has_no_versions"),
        ("shared", "a_stage_belongs_to_one_version"),
        ("stuck", "a_version_leaves_a_stage"),
        ("stages", "an_unknown_stage_is_refused"),
        ("keeps", "a_deleted_version_is_gone"),
        ("delete", "a_deleted_version_is_gone"),
        ("missing", "what_is_not_there_cannot_be_used"),
    ],
)
def test_a_registry_with_a_flaw_does_not(flaw, name):
    check = next(check for check in CHECKS if check.__name__ == name)

    with pytest.raises((AssertionError, KeyError)):
        check(factory(flaw))
