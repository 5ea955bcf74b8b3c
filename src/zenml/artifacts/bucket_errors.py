"""What an error of a storage service means: try again, or say what to do.

The libraries of the services raise dozens of classes, and fsspec turns some into errors of the operating
system. What they have in common is read from the whole chain of causes: an HTTP status, a code of the
service, or the name of a class. No library is imported for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any


class Meaning(StrEnum):
    """What an error says of the request."""

    ABSENT = "absent"
    """There is no such object."""
    EXISTS = "exists"
    """There is such an object already."""
    PASSING = "passing"
    """The connection was lost, or the service is busy: the same request may succeed later."""
    NO_BUCKET = "no bucket"
    NO_KEY = "no key"
    """This machine has no credentials, or they are not known to the service."""
    FORBIDDEN = "forbidden"
    """The credentials are known and not allowed to do this."""
    ELSEWHERE = "elsewhere"
    """The bucket is in another region."""
    OTHER = "other"


_STATUSES = {
    404: Meaning.ABSENT,
    409: Meaning.PASSING,  # two conditional requests met; whether the object is there decides the next one
    412: Meaning.EXISTS,
    301: Meaning.ELSEWHERE,
    307: Meaning.ELSEWHERE,
    401: Meaning.NO_KEY,
    403: Meaning.FORBIDDEN,
    **dict.fromkeys((408, 425, 429, 500, 502, 503, 504, 509), Meaning.PASSING),
}
_CODES = {
    "NoSuchBucket": Meaning.NO_BUCKET,
    "ContainerNotFound": Meaning.NO_BUCKET,
    "ContainerBeingDeleted": Meaning.NO_BUCKET,
    "BlobAlreadyExists": Meaning.EXISTS,
    "InvalidAccessKeyId": Meaning.NO_KEY,
    "SignatureDoesNotMatch": Meaning.NO_KEY,
    "ExpiredToken": Meaning.NO_KEY,
    "InvalidToken": Meaning.NO_KEY,
    "AuthenticationFailed": Meaning.NO_KEY,
    "AuthorizationHeaderMalformed": Meaning.ELSEWHERE,
    **dict.fromkeys(
        (
            "SlowDown",
            "RequestTimeout",
            "Throttling",
            "ThrottlingException",
            "RequestLimitExceeded",
            "InternalError",
            "ServerBusy",
            "OperationTimedOut",
            "ConditionalRequestConflict",
            "OperationAborted",
        ),
        Meaning.PASSING,
    ),
}
"""Codes say more than the status that they come with."""

_CLASSES = {
    "NoCredentialsError": Meaning.NO_KEY,
    "PartialCredentialsError": Meaning.NO_KEY,
    "CredentialRetrievalError": Meaning.NO_KEY,
    "ClientAuthenticationError": Meaning.NO_KEY,
    "DefaultCredentialsError": Meaning.NO_KEY,
    "RefreshError": Meaning.NO_KEY,
    "FileExistsError": Meaning.EXISTS,
    "ResourceExistsError": Meaning.EXISTS,
    "FileNotFoundError": Meaning.ABSENT,
    "ResourceNotFoundError": Meaning.ABSENT,
    "PermissionError": Meaning.FORBIDDEN,
    "TimeoutError": Meaning.PASSING,
    "ConnectionError": Meaning.PASSING,
    "IncompleteRead": Meaning.PASSING,
    "IncompleteReadError": Meaning.PASSING,  # asyncio, botocore and azure each have one
    "HTTPClientError": Meaning.PASSING,  # botocore: above all that go wrong on the way
    "ResponseStreamingError": Meaning.PASSING,
    "ResponseParserError": Meaning.PASSING,  # botocore: an answer that was cut off
    "ClientConnectionError": Meaning.PASSING,  # aiohttp
    "ClientPayloadError": Meaning.PASSING,
    "ServiceRequestError": Meaning.PASSING,  # azure
    "ServiceResponseError": Meaning.PASSING,
    "gaierror": Meaning.PASSING,
}


def meaning_of(error: BaseException) -> Meaning:
    """Return what an error and its causes say: by a code, else by a status, else by a class."""
    chain = list(_chain(error))
    for table, read in ((_CODES, _codes), (_STATUSES, _statuses), (_CLASSES, _classes)):
        for one in chain:
            for found in read(one):
                if found in table:
                    return table[found]
    return Meaning.OTHER


def words_of(error: BaseException) -> str:
    """Return the shortest true description of an error: its last cause, with its class, on one line."""
    *_, last = _chain(error)
    for one in _chain(error):
        if isinstance(getattr(one, "response", None), dict):
            last = one
            break
    text = " ".join(str(last).split()).partition(" RequestId:")[0]  # which azure adds, with all that follows
    return f"{type(last).__name__}: {text[:300]}" if text else type(last).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _codes(error: Any) -> Iterator[Any]:
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        yield response.get("Error", {}).get("Code")
    code = getattr(error, "error_code", None)  # azure
    yield getattr(code, "value", code)


def _statuses(error: Any) -> Iterator[Any]:
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        yield response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    for name in ("status_code", "status", "code"):  # azure, aiohttp, gcsfs
        value = getattr(error, name, None)
        yield value if isinstance(value, int) else None


def _classes(error: BaseException) -> Iterator[Any]:
    return (cls.__name__ for cls in type(error).__mro__)
