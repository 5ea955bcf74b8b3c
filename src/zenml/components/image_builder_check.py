"""The conformance check of image builders: what each must do, as functions that raise `AssertionError`.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_builder_conforms(check):
        check(lambda: Subject(MyBuilder(config, place), "localhost:5000/check"))

The images begin with nothing, so no registry has to be reached but the one that is pushed to.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from zenml.components.image_builder import ImageBuilder
from zenml.errors import ComponentError

_GOOD = "FROM scratch\nCOPY word /word\n"
_BAD = "FROM scratch\nCOPY not-there /word\n"


class Subject(NamedTuple):
    """A builder to be checked, and a repository that it may push to."""

    builder: ImageBuilder
    repository: str


SubjectFactory: TypeAlias = Callable[[], Subject]


def builds_what_was_not_there(make: SubjectFactory) -> None:
    """`has` is false before, and true after `build`, which answers with a name that runs the image."""
    builder, repository = make()
    tag = _new_tag(repository)
    _expect(not builder.has(tag), f"`{tag}` is there before it was built")

    with tempfile.TemporaryDirectory() as folder:
        name = builder.build(_context(folder), tag)

    _expect(builder.has(tag), f"`{tag}` is not there after it was built")
    _expect(builder.has(name), f"`{name}`, which `build` returned, is not there")


def builds_the_same_name_again(make: SubjectFactory) -> None:
    """A second build of a name is no error."""
    builder, repository = make()
    tag = _new_tag(repository)

    with tempfile.TemporaryDirectory() as folder:
        builder.build(_context(folder), tag)
        builder.build(_context(folder), tag)

    _expect(builder.has(tag), f"`{tag}` is gone")


def takes_a_dockerfile_of_another_name(make: SubjectFactory) -> None:
    """`dockerfile` names the file in the context."""
    builder, repository = make()
    tag = _new_tag(repository)

    with tempfile.TemporaryDirectory() as folder:
        _write(folder, "Dockerfile", _BAD)
        _write(folder, "other.Dockerfile", _GOOD)
        _write(folder, "word", "hello")
        builder.build(folder, tag, dockerfile="other.Dockerfile")

    _expect(builder.has(tag), f"`{tag}` is not there")


def takes_options(make: SubjectFactory) -> None:
    """Flags without a value, and flags that are repeated, are passed on."""
    builder, repository = make()
    tag = _new_tag(repository)

    with tempfile.TemporaryDirectory() as folder:
        builder.build(_context(folder), tag, options={"no-cache": "", "label": ("a=1", "b=x y")})

    _expect(builder.has(tag), f"`{tag}` is not there")


def explains_a_build_that_fails(make: SubjectFactory) -> None:
    """A failed build raises `ComponentError` with the last words of the builder, and leaves no image."""
    builder, repository = make()
    tag = _new_tag(repository)

    with tempfile.TemporaryDirectory() as folder:
        _write(folder, "Dockerfile", _BAD)
        try:
            builder.build(folder, tag)
        except ComponentError as error:
            _expect("not-there" in str(error), f"the message does not say what failed: {error}")
        else:
            raise AssertionError("a build that cannot succeed raised nothing")

    _expect(not builder.has(tag), f"`{tag}` is there though its build failed")


def tells_lines_while_it_builds(make: SubjectFactory) -> None:
    """`tell` takes what the builder prints."""
    builder, repository = make()
    lines: list[str] = []
    builder.tell = lines.append

    with tempfile.TemporaryDirectory() as folder:
        builder.build(_context(folder), _new_tag(repository))

    _expect(bool(lines), "nothing was told")


def pushes_and_answers_with_the_digest(make: SubjectFactory) -> None:
    """`push` answers with a name that stays with this content."""
    builder, repository = make()
    tag = _new_tag(repository)

    with tempfile.TemporaryDirectory() as folder:
        builder.build(_context(folder), tag)
    name = builder.push(tag)

    _expect(name.startswith(f"{repository}@sha256:"), f"`{name}` is no name with a digest")


def explains_a_push_of_nothing(make: SubjectFactory) -> None:
    """Pushing an image that is not there raises `ComponentError` with its name."""
    builder, repository = make()
    tag = _new_tag(repository)

    try:
        builder.push(tag)
    except ComponentError as error:
        _expect(tag in str(error), f"the message does not name the image: {error}")
    else:
        raise AssertionError("pushing nothing raised nothing")


CHECKS: tuple[Callable[[SubjectFactory], None], ...] = (
    builds_what_was_not_there,
    builds_the_same_name_again,
    takes_a_dockerfile_of_another_name,
    takes_options,
    explains_a_build_that_fails,
    tells_lines_while_it_builds,
    pushes_and_answers_with_the_digest,
    explains_a_push_of_nothing,
)


def _new_tag(repository: str) -> str:
    return f"{repository}:check-{os.urandom(6).hex()}"


def _context(folder: str) -> str:
    _write(folder, "Dockerfile", _GOOD)
    _write(folder, "word", "hello")
    return folder


def _write(folder: str, name: str, text: str) -> None:
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)


def _expect(condition: bool, message: str) -> None:  # noqa: FBT001  # reads as a statement
    if not condition:
        raise AssertionError(message)
