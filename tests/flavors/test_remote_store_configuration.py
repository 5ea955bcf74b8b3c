"""The configuration of stores in storage services: what it refuses, and what it never shows."""

import msgspec
import pytest

from zenml.components.flavor import fields_of
from zenml.components.registry import flavor_names, load_flavor
from zenml.components.remote_artifact_store import service_name
from zenml.errors import ConfigurationError

SCHEMES = {"s3": "s3", "azure": "az", "gcs": "gs"}
each_flavor = pytest.mark.parametrize("flavor", list(SCHEMES))


@each_flavor
def test_a_flavor_is_one_value(flavor):
    found = load_flavor("artifact_store", flavor)

    assert flavor in flavor_names("artifact_store")
    assert found.install == f"pip install 'zenml-core[{flavor}]'"
    assert found.install in found.docs
    assert f"--flavor {flavor} --path {SCHEMES[flavor]}://" in found.docs
    assert all(field.description for field in fields_of(found.config))


@each_flavor
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("bucket/prefix", "Begin it with"),
        ("ftp://bucket", "Begin it with"),
        ("{scheme}://", "names no bucket"),
        ("{scheme}:///prefix", "names no bucket"),
        ("{scheme}://user@host/prefix", "fields of their own"),
        ("{scheme}://bucket//prefix", "plain names between single slashes"),
        ("{scheme}://bucket/../other", "plain names between single slashes"),
        ("{scheme}://bucket/what?x=1", "plain names between single slashes"),
    ],
)
def test_a_path_that_is_none_is_refused_with_an_example(flavor, path, words):
    config = load_flavor("artifact_store", flavor).config

    with pytest.raises(ConfigurationError, match=words):
        config(path=path.format(scheme=SCHEMES[flavor]))
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert({"path": path.format(scheme=SCHEMES[flavor])}, config)


@each_flavor
def test_a_size_that_is_none_is_refused(flavor):
    with pytest.raises(ConfigurationError, match="`20 gigs` is no size"):
        load_flavor("artifact_store", flavor).config(path=f"{SCHEMES[flavor]}://bucket", cache_size="20 gigs")


@pytest.mark.parametrize(
    ("flavor", "secrets"),
    [
        ("s3", {"key", "secret", "token"}),
        ("azure", {"account_key", "sas_token", "connection_string"}),
        ("gcs", {"token"}),
    ],
)
def test_credentials_are_secret(flavor, secrets):
    fields = fields_of(load_flavor("artifact_store", flavor).config)

    assert {field.name for field in fields if field.is_secret} == secrets


def test_the_address_of_a_service_is_told_without_credentials():
    assert service_name("S3", None) == "S3"
    assert service_name("S3", "http://me:password@host:9000/x") == "S3 at `http://host:9000`"
    assert service_name("S3", "host:9000") == "S3 at `host:9000`"
