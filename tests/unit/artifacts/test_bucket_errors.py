"""What the errors of services and of their libraries mean."""

import errno

import pytest

from zenml.artifacts.bucket import Patience
from zenml.artifacts.bucket_errors import Meaning, meaning_of, words_of


class ClientError(Exception):
    """As botocore makes them."""

    def __init__(self, code, status):
        super().__init__(f"An error occurred ({code})")
        self.response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}


class HttpResponseError(Exception):
    """As azure makes them."""

    def __init__(self, status, code=None):
        self.status_code, self.error_code = status, code


class HttpError(Exception):
    """As gcsfs makes them."""

    def __init__(self, code):
        self.code = code


class ClientPayloadError(Exception):
    """As aiohttp makes them."""


def caused_by(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (ClientError("SlowDown", 503), Meaning.PASSING),
        (ClientError("InternalError", 500), Meaning.PASSING),
        (ClientError("ConditionalRequestConflict", 409), Meaning.PASSING),
        (ClientError("PreconditionFailed", 412), Meaning.EXISTS),
        (ClientError("NoSuchKey", 404), Meaning.ABSENT),
        (ClientError("NoSuchBucket", 404), Meaning.NO_BUCKET),
        (ClientError("AccessDenied", 403), Meaning.FORBIDDEN),
        (ClientError("SignatureDoesNotMatch", 403), Meaning.NO_KEY),
        (ClientError("PermanentRedirect", 301), Meaning.ELSEWHERE),
        (ClientError("InvalidArgument", 400), Meaning.OTHER),
        (caused_by(OSError(errno.EINVAL, "x"), ClientError("PreconditionFailed", 412)), Meaning.EXISTS),
        (caused_by(FileNotFoundError("x"), ClientError("NoSuchBucket", 404)), Meaning.NO_BUCKET),
        (HttpResponseError(409, "BlobAlreadyExists"), Meaning.EXISTS),
        (HttpResponseError(503, "ServerBusy"), Meaning.PASSING),
        (HttpResponseError(404, "ContainerNotFound"), Meaning.NO_BUCKET),
        (HttpError(412), Meaning.EXISTS),
        (HttpError(429), Meaning.PASSING),
        (HttpError(404), Meaning.ABSENT),
        (ClientPayloadError(), Meaning.PASSING),
        (ConnectionResetError(), Meaning.PASSING),
        (TimeoutError(), Meaning.PASSING),
        (FileExistsError(), Meaning.EXISTS),
        (ValueError("x"), Meaning.OTHER),
    ],
)
def test_meaning(error, meaning):
    assert meaning_of(error) is meaning


def test_a_circle_of_causes_ends():
    error, other = ValueError("a"), ValueError("b")
    error.__cause__, other.__cause__ = other, error
    assert meaning_of(error) is Meaning.OTHER


def test_the_service_s_own_words_are_told():
    assert (
        words_of(caused_by(OSError("x"), ClientError("SlowDown", 503)))
        == "ClientError: An error occurred (SlowDown)"
    )


def test_waits_grow_and_differ():
    patience = Patience(tries=8, first=1.0, longest=20.0)
    many = [list(patience.waits()) for _ in range(20)]

    assert all(len(waits) == 7 for waits in many)
    for number, most in enumerate((1, 2, 4, 8, 16, 20, 20)):
        assert all(most / 2 <= waits[number] <= most for waits in many)
        assert len({waits[number] for waits in many}) > 10
