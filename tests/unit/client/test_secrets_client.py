"""Secrets through `Client()`: by name, hidden, with messages that help and tell nothing."""

import pytest

from zenml.context import masking
from zenml.errors import AmbiguousNameError, ConfigurationError, NotFoundError
from zenml.records.run import Secret

VALUES = {"AWS_FAKE_ID": "clear-text-value-1", "SIZE": 3}


@pytest.fixture
def client(zenml_lab):
    return zenml_lab.client


def test_a_secret_is_found_by_name_id_and_parts_of_the_id(client):
    made = client.create_secret(name="aws", values=VALUES)

    for text in ("aws", made.id, made.id[:20], made.id[-8:]):
        assert client.get_secret(text).values == {"AWS_FAKE_ID": "clear-text-value-1", "SIZE": "3"}
    assert made.created == made.updated


def test_values_are_hidden_wherever_they_are_shown(client):
    secret = client.create_secret("aws", VALUES)

    for shown in (repr(secret), str(secret), repr(secret.values), f"{secret.secret_values}"):
        assert "clear-text" not in shown
    assert repr(secret.values) == "{'AWS_FAKE_ID': '***', 'SIZE': '***'}"
    assert secret.secret_values["AWS_FAKE_ID"] == "clear-text-value-1"


def test_values_that_were_read_are_masked_in_this_process(client):
    client.create_secret("aws", {"KEY": "masked-after-reading"})

    client.get_secret("aws").values

    assert masking.mask("it is masked-after-reading!") == "it is ***!"


def test_an_unknown_secret_is_named_with_close_ones(client):
    client.create_secret("aws_credentials", VALUES)

    with pytest.raises(
        NotFoundError, match=r"`aws_credential`\. Did you mean `aws_credentials`.*zenml secret"
    ):
        client.get_secret("aws_credential")


def test_an_ambiguous_part_of_an_id_is_refused(client):
    ids = [client.create_secret(name, VALUES).id for name in ("one", "two")]
    shared = ids[0][:4]
    assert ids[1].startswith(shared)

    with pytest.raises(AmbiguousNameError, match=r"`one`.*`two`"):
        client.get_secret(shared)


def test_secrets_are_listed_by_name_without_a_key(client):
    for name in ("b", "a", "c"):
        client.create_secret(name, VALUES)
    for secret in client.store.select(Secret):
        client.store.update(Secret, secret.id, body=b"")

    assert [one.name for one in client.list_secrets().items] == ["a", "b", "c"]
    assert [one.name for one in client.list_secrets(size=2, page=2).items] == ["c"]
    assert [one.name for one in client.list_secrets(name="startswith:b").items] == ["b"]


def test_keys_are_added_replaced_and_removed(client):
    client.create_secret("aws", {"A": "1", "B": "2", "C": "3"})

    client.update_secret("aws", values={"B": "two", "D": "4"}, remove_values=["A"], new_name="new")

    assert client.get_secret("new").values == {"B": "two", "C": "3", "D": "4"}
    with pytest.raises(NotFoundError):
        client.get_secret("aws")


def test_a_key_that_is_not_there_cannot_be_removed(client):
    client.create_secret("aws", {"TOKEN": "1"})

    with pytest.raises(NotFoundError, match=r"no key `TOKN`\. Did you mean `TOKEN`"):
        client.update_secret("aws", {"NEW": "x"}, remove_values=["TOKN"])
    assert client.get_secret("aws").values == {"TOKEN": "1"}


def test_a_deleted_secret_is_gone(client):
    client.create_secret("aws", VALUES)

    client.delete_secret("aws")

    assert client.list_secrets().total == 0
    with pytest.raises(NotFoundError):
        client.delete_secret("aws")


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("", {"A": "1"}, "no name for a secret"),
        ("a\nb", {"A": "1"}, "no name for a secret"),
        ("aws", ["clear-text"], "`values` of secret `aws` is a list"),
        ("aws", {"A": None}, "`A` of secret `aws` is a NoneType"),
        ("aws", {"A": b"clear-text"}, "`A` of secret `aws` is a bytes"),
        ("aws", {"": "clear-text"}, "a key is a text"),
    ],
)
def test_what_cannot_be_a_secret_is_refused_without_showing_it(client, name, values, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        client.create_secret(name, values)
    assert "clear-text" not in str(caught.value)
