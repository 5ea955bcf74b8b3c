"""Stacks and components through the client: registered, found, changed, deleted; secrets never in the open."""

import os

import pytest

from zenml import save_artifact
from zenml.client import Client
from zenml.components import active_stack as stacks
from zenml.errors import ConfigurationError, NotFoundError
from zenml.store.opening import open_store

HOOK = {"url": "https://example.com/hooks/1", "headers": {"Authorization": "Bearer abcdef"}, "retries": "2"}


@pytest.fixture
def client(zenml_store):
    return Client()


def alerter(client, name="team", **more):
    return client.create_stack_component(name, "webhook", "alerter", {**HOOK, **more})


def test_a_component_is_registered_with_plain_values(client):
    found = client.create_stack_component("later", "local", "orchestrator", {"synchronous": "false"})

    assert found.configuration == {"synchronous": False}
    assert client.get_stack_component("orchestrator", "later").id == found.id
    assert [one.name for one in client.list_stack_components("orchestrator")] == ["default", "later"]
    assert found.created == found.updated


def test_a_component_is_found_by_name_id_and_digits(client):
    found = alerter(client)

    assert {client.get_stack_component("alerter", text).id for text in ("team", found.id, found.id[-8:])} == {
        found.id
    }


def test_what_is_secret_is_kept_as_a_secret(client):
    found = alerter(client)

    assert found.configuration == {
        "url": "{{alerter.team.url}}",
        "headers": {"Authorization": "{{alerter.team.headers_Authorization}}"},
        "retries": 2,
    }
    assert client.get_secret("alerter.team").values == {
        "url": HOOK["url"],
        "headers_Authorization": "Bearer abcdef",
    }


def test_an_opened_component_has_its_secrets(client):
    config = alerter(client).open().config

    assert (config.url, config.headers, config.retries) == (HOOK["url"], HOOK["headers"], 2)


def test_references_stay_and_are_resolved_when_it_is_opened(client):
    client.create_secret("hooks", {"address": "https://example.com/x"})
    found = client.create_stack_component("own", "webhook", "alerter", {"url": "{{ hooks.address }}/more"})

    assert found.configuration == {"url": "{{ hooks.address }}/more"}
    assert found.open().config.url == "https://example.com/x/more"
    with pytest.raises(NotFoundError):
        client.get_secret("alerter.own")


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("{{hoks.address}}", ["no secret `hoks`", "Did you mean `hooks`", "alerter `own`"]),
        ("{{hooks.adress}}", ["no key `adress`", "Did you mean `address`"]),
    ],
)
def test_a_reference_to_nothing_is_told_when_it_is_opened(client, reference, words):
    client.create_secret("hooks", {"address": "https://example.com/x"})
    found = client.create_stack_component("own", "webhook", "alerter", {"url": reference})

    with pytest.raises(NotFoundError) as refused:
        found.open()

    assert all(word in str(refused.value) for word in words)


def test_all_that_is_wrong_with_a_configuration_is_told(client):
    with pytest.raises(ConfigurationError) as refused:
        client.create_stack_component("team", "webhook", "alerter", {"retris": 1, "timeout": "soon"})

    for words in ("Did you mean `retries`", "`timeout` is 'soon'", "`url` is missing"):
        assert words in str(refused.value)
    assert client.list_stack_components("alerter").items == []


def test_no_error_shows_a_secret_value(client):
    with pytest.raises(ConfigurationError) as refused:
        client.create_stack_component("team", "webhook", "alerter", {"url": ["hunter2hunter2"]})

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "flavor", "words"),
    [
        ("alertr", "webhook", "Did you mean `alerter`"),
        ("alerter", "webhok", "Did you mean `webhook`"),
        ("annotator", "x", "Known are: none"),
    ],
)
def test_wrong_types_and_flavors_are_named(client, kind, flavor, words):
    with pytest.raises((ConfigurationError, NotFoundError), match=words):
        client.create_stack_component("x", flavor, kind)


@pytest.mark.parametrize("name", ["", " x", "a\nb", "a/b", "{{a}}", 3])
def test_names_are_printable(client, name):
    with pytest.raises(ConfigurationError, match="is no name for"):
        client.create_stack_component(name, "local", "orchestrator")
    with pytest.raises(ConfigurationError, match="is no name for"):
        client.create_stack(name, {})


def test_a_taken_name_is_refused_and_its_secret_stays(client):
    alerter(client)

    with pytest.raises(ConfigurationError, match="already a component `team`"):
        alerter(client, url="https://example.com/other")

    assert client.get_secret("alerter.team").values["url"] == HOOK["url"]


def test_a_component_is_changed_field_by_field(client):
    alerter(client)

    found = client.update_stack_component(
        "team", "alerter", configuration={"retries": 5, "url": "https://n.example"}
    )

    assert found.configuration["retries"] == 5
    assert found.open().config.url == "https://n.example"
    assert found.open().config.headers == HOOK["headers"]


def test_a_field_is_taken_away(client):
    alerter(client)

    found = client.update_stack_component("team", "alerter", remove=["retries"])

    assert "retries" not in found.configuration
    with pytest.raises(ConfigurationError, match="does not set `retries`"):
        client.update_stack_component("team", "alerter", remove=["retries"])
    with pytest.raises(ConfigurationError, match="`url` is missing"):
        client.update_stack_component("team", "alerter", remove=["url"])


def test_a_renamed_component_keeps_its_own_secret(client):
    alerter(client)

    renamed = client.update_stack_component("team", "alerter", name="crew")
    other = alerter(client, url="https://example.com/other")

    assert renamed.open().config.url == HOOK["url"]
    assert other.open().config.url == "https://example.com/other"
    client.delete_stack_component("crew", "alerter")
    assert other.open().config.url == "https://example.com/other"


def test_a_deleted_component_takes_its_secret_along(client):
    alerter(client)

    client.delete_stack_component("team", "alerter")

    with pytest.raises(NotFoundError):
        client.get_secret("alerter.team")
    with pytest.raises(NotFoundError, match="no alerter `team`"):
        client.get_stack_component("alerter", "team")


def test_a_component_of_a_stack_is_not_deleted(client):
    alerter(client)
    client.create_stack("one", {"alerter": "team"})

    with pytest.raises(ConfigurationError, match="part of the stack `one`"):
        client.delete_stack_component("team", "alerter")

    client.delete_stack("one")
    client.delete_stack_component("team", "alerter")


def test_the_default_parts_stay_as_they_are(client):
    for change in (
        lambda: client.delete_stack_component("default", "orchestrator"),
        lambda: client.update_stack_component("default", "artifact_store", configuration={"path": "/x"}),
        lambda: client.create_stack_component("default", "local", "orchestrator"),
        lambda: client.delete_stack("default"),
        lambda: client.update_stack("default", component_updates={}),
        lambda: client.create_stack("default", {}),
    ):
        with pytest.raises(ConfigurationError, match=r"`default` stays as it is|already a stack `default`"):
            change()


def test_a_stack_has_what_it_was_given_and_the_local_parts(client):
    alerter(client)

    stack = client.create_stack("one", {"alerter": "team"})

    assert {kind: one.name for kind, one in stack.components.items()} == {
        "orchestrator": "default",
        "artifact_store": "default",
        "alerter": "team",
    }
    assert [one.name for one in client.list_stacks()] == ["default", "one"]


def test_a_stack_is_changed_copied_and_deleted(client):
    team, crew = alerter(client), alerter(client, "crew")
    client.create_stack("one", {"alerter": team})

    client.copy_stack("one", "two")
    client.update_stack("one", name="first", component_updates={"alerter": crew})
    client.update_stack("two", component_updates={"alerter": None})

    assert client.get_stack("first").alerter.name == "crew"
    assert client.get_stack("two").alerter is None
    client.delete_stack("two")
    with pytest.raises(NotFoundError, match="no stack `two`"):
        client.get_stack("two")


def test_a_stack_that_does_not_know_its_part_is_refused(client):
    with pytest.raises(NotFoundError, match="no alerter `team`"):
        client.create_stack("one", {"alerter": "team"})
    assert [one.name for one in client.list_stacks()] == ["default"]


def test_the_chosen_stack_is_active_in_other_processes_too(client, monkeypatch):
    client.create_stack("one", {})
    client.activate_stack("one")

    assert Client().active_stack.name == "one"
    client.update_stack(name="first")
    assert Client().active_stack.name == "first", "it is noted by its id"
    with pytest.raises(ConfigurationError, match="is the active one"):
        client.delete_stack("first")


def test_variable_repository_and_choice_decide_in_this_order(client, tmp_path, monkeypatch):
    for name in ("chosen", "pinned", "said"):
        client.create_stack(name, {})
    inner = tmp_path / "project" / "inner"
    inner.mkdir(parents=True)
    client.activate_stack("chosen")
    monkeypatch.chdir(inner)
    assert client.active_stack.name == "chosen"
    stacks.pin(str(tmp_path / "project"), None)
    assert client.active_stack.name == "chosen"
    client.activate_stack("pinned")
    assert client.active_stack.name == "pinned"
    monkeypatch.setenv("ZENML_ACTIVE_STACK", "said")
    assert client.active_stack.name == "said"
    monkeypatch.delenv("ZENML_ACTIVE_STACK")
    monkeypatch.chdir(tmp_path)
    assert client.active_stack.name == "chosen"
    client.activate_stack("said", everywhere=True)
    monkeypatch.chdir(inner)
    assert client.active_stack.name == "pinned"


def test_an_active_stack_that_is_not_there_says_who_names_it(client, tmp_path, monkeypatch):
    monkeypatch.setenv("ZENML_ACTIVE_STACK", "gone")
    with pytest.raises(NotFoundError, match=r"The variable ZENML_ACTIVE_STACK names the stack `gone`"):
        client.active_stack.name
    monkeypatch.delenv("ZENML_ACTIVE_STACK")
    monkeypatch.chdir(tmp_path)
    stacks.pin(str(tmp_path), "gone")
    with pytest.raises(NotFoundError, match=r"The repository `.*` names the stack `gone`"):
        client.active_stack.name


@pytest.mark.parametrize("text", ["no json", '{"active_stack": 3}'])
def test_a_damaged_repository_file_says_how_it_is_mended(client, tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    stacks.pin(str(tmp_path), None)
    with open(os.path.join(tmp_path, ".zen", "config.json"), "w", encoding="utf-8") as file:
        file.write(text)

    with pytest.raises(ConfigurationError, match=r"config\.json"):
        client.active_stack.name


def test_a_flavor_that_is_gone_does_not_hide_its_component(client):
    """Listed, described, taken out of its stack and deleted, as when its package was uninstalled."""
    component = open_store().stacks.add_component("alerter", "pager", "old", {"number": "1"})
    stack = client.create_stack("one", {"alerter": "old"})

    assert client.get_stack_component("alerter", "old").configuration == {"number": "1"}
    assert stack.alerter.flavor == "pager"
    with pytest.raises(NotFoundError, match="no flavor `pager`"):
        stack.alerter.post("x")
    client.update_stack("one", component_updates={"alerter": None})
    client.delete_stack_component(component.id, "alerter")
    assert client.list_stack_components("alerter").items == []


def test_a_component_says_what_it_cannot_do(client):
    with pytest.raises(AttributeError, match=r"has no `shout`\. It has: .*`post`"):
        alerter(client).shout


def test_an_artifact_store_that_holds_artifacts_is_not_deleted(client, tmp_path):
    client.create_stack_component("disk", "local", "artifact_store", {"path": str(tmp_path / "disk")})
    client.create_stack("other", {"artifact_store": "disk"})
    client.activate_stack("other")
    save_artifact(bytes(200_000), "big")
    client.activate_stack("default")
    client.delete_stack("other")

    with pytest.raises(ConfigurationError, match="holds the files of 1 artifacts"):
        client.delete_stack_component("disk", "artifact_store")

    assert client.get_artifact_version("big").load() == bytes(200_000)
