"""A table of bad inputs: what a row says, how it is tried, and what every error has to be like."""

import os
import re
import sys
import textwrap
import types
from typing import NamedTuple

import bad_samples

from zenml import errors
from zenml.client import Client

FORBIDDEN = (
    " at 0x",
    "internal",
    "NoneType",
    "has no attribute",
    "__init__",
    "unexpected keyword",
    "object is not",
    "not supported between",
    "msgspec",
    "sqlite3",
    "Traceback",
    "Errno",
)
"""What a message never holds: it is of Python or of this package's inside, and tells a user nothing."""
_REMEDY = re.compile(r"[.;:?!,] \S|\n")
LONGEST = 1500


class Row(NamedTuple):
    """One bad input.

    Attributes:
        id: what is wrong, in words.
        error: the class of the error.
        code: what the user wrote, in the file `flow.py`.
        fragments: what the message holds: the culprit, where it is, what to do.
        ran: the step that has to run before it can be known; the error names a step.
    """

    id: str
    error: type
    code: str
    fragments: tuple[str, ...]
    ran: str | None


def row(name, error, code, *fragments, ran=None):
    return Row(name, error, textwrap.dedent(code).strip("\n"), fragments, ran)


def by_id(rows):
    """Return the keyword arguments of `parametrize`, with the rows' names as ids."""
    names = [one.id for one in rows]
    assert len(set(names)) == len(names), "two rows have one name"
    return {"argnames": "row", "argvalues": rows, "ids": [re.sub(r"[^\w]+", "-", name) for name in names]}


def attempt(code, folder):
    """Execute code as the file `flow.py` of a folder; return what it raises."""
    path = os.path.join(folder, "flow.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(code + "\n")
    module = types.ModuleType("flow")
    module.__dict__.update({k: v for k, v in vars(bad_samples).items() if not k.startswith("__")})
    module.__file__ = path
    sys.modules["flow"] = module
    try:
        exec(compile(code + "\n", path, "exec"), module.__dict__)  # noqa: S102  the rows are our own
    except Exception as error:  # whatever it is, it is looked at
        return error
    finally:
        del sys.modules["flow"]
    return None


def check_row(row, folder):
    """Try a row; check class, message, and that nothing ran that did not have to."""
    bad_samples.RAN.clear()
    before = Client().list_pipeline_runs().total
    error = attempt(row.code, folder)
    assert error is not None, "nothing was raised"
    check_error(error, row.error)
    check_message(str(error), row.fragments)
    if row.ran is None:
        assert bad_samples.RAN == []
        assert Client().list_pipeline_runs().total == before
    else:
        assert bad_samples.RAN[-1] == row.ran
        assert "tep `" in "".join((str(error), *error.__notes__))


def check_error(error, expected):
    """An error is of a public class, as its row says."""
    assert type(error).__module__ == errors.__name__, f"{type(error).__name__}: {error}"
    assert type(error) is expected, f"{type(error).__name__}: {error}"


def check_message(message, fragments=()):
    """A message is one paragraph of what, which and what to do, without Python's own words."""
    found = [word for word in FORBIDDEN if word in message]
    assert not found, f"{found} in: {message}"
    assert "\n\n" not in message
    assert len(message) <= LONGEST, message
    assert message.rstrip()[-1] in '.?)`"' or "\n" in message, message[-60:]
    assert _REMEDY.search(message), f"no remedy in: {message}"
    missing = [one for one in fragments if one not in message]
    assert not missing, f"{missing} not in: {message}"
