"""Build images with the command `docker`, or one that is used in the same way, such as `podman`.

Install Docker, or set `executable`.

    zenml image-builder register images --flavor docker --platform linux/amd64
    zenml stack register containers -i images --set
    zenml pipeline image flow.py --build       # nothing is built if the image is there

Without an engine, `zenml pipeline image flow.py --export FOLDER` writes what `docker build` takes elsewhere.

Tested with a stand-in for the program, and with the real one where it has no engine; no image has been built with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from zenml.components.flavor import Configuration, Flavor, Place
from zenml.components.image_builder import ImageBuilder
from zenml.errors import ComponentError

_LINES = 20  # of a failed build, in the message
_ABSENT = ("no such image", "no such object", "image not known")
_NO_ENGINE = (
    "cannot connect to the",
    "error during connect",
    "failed to connect",
    "is the docker daemon running",
)
_EXPORT = "Start the engine, or write the build context and build it elsewhere: `zenml pipeline image PIPELINE --export FOLDER`."


class DockerImageBuilderConfig(Configuration, frozen=True, kw_only=True):
    """How images are built."""

    executable: Annotated[str, Meta(description="The program: a name or a path.", examples=["podman"])] = (
        "docker"
    )
    use_buildx: Annotated[
        bool, Meta(description="Whether `docker buildx build --load` is used, as other platforms need it.")
    ] = False
    platform: Annotated[
        str | None,
        Meta(description="What the image is for, unless settings say it.", examples=["linux/amd64"]),
    ] = None
    build_args: Annotated[
        tuple[str, ...], Meta(description="More arguments of `docker build`, as they are.")
    ] = ()
    timeout: Annotated[float, Meta(description="Seconds that a build or a push may take.", gt=0)] = 3600


class DockerImageBuilder(ImageBuilder):
    """Builds images with a program."""

    def __init__(self, config: DockerImageBuilderConfig, place: Place) -> None:
        self.config = config
        self.place = place

    def build(
        self,
        context: str,
        tag: str,
        *,
        dockerfile: str = "Dockerfile",
        options: Mapping[str, str | tuple[str, ...]] | None = None,
    ) -> str:
        """Run `docker build`; see `ImageBuilder.build`."""
        verb = ["buildx", "build", "--load"] if self.config.use_buildx else ["build"]
        wanted = dict(options or {})
        if self.config.platform:
            wanted.setdefault("platform", self.config.platform)
        flags = [part for name, value in wanted.items() for part in _flag(name, value)]
        code, lines = self._run(
            [
                *verb,
                "--tag",
                tag,
                "--file",
                os.path.join(context, dockerfile),
                *flags,
                *self.config.build_args,
                context,
            ]
        )
        if code:
            raise self._error(f"The image `{tag}` could not be built from `{context}`", code, lines)
        return tag

    def has(self, tag: str) -> bool:
        """Run `docker image inspect`."""
        code, lines = self._run(["image", "inspect", "--format", "{{.Id}}", tag], shows=False)
        if code and not any(word in line.lower() for line in lines for word in _ABSENT):
            raise self._error(f"Whether there is an image `{tag}` is not known", code, lines)
        return code == 0

    def push(self, tag: str) -> str:
        """Run `docker push`, and ask for the digest."""
        code, lines = self._run(["push", tag])
        if code:
            raise self._error(f"The image `{tag}` could not be sent to its registry", code, lines)
        code, lines = self._run(["image", "inspect", "--format", "{{json .RepoDigests}}", tag], shows=False)
        names = msgspec.json.decode(lines[-1], type=list[str] | None) if not code and lines else None
        repository = tag.rpartition(":")[0] if ":" in tag.rpartition("/")[2] else tag
        own = [name for name in names or () if name.startswith(f"{repository}@")]
        if not own:
            raise self._error(f"The image `{tag}` was sent, and no digest of it is known", code, lines)
        return own[0]

    def _run(self, arguments: Sequence[str], *, shows: bool = True) -> tuple[int, list[str]]:
        """Run the program; return its exit status and the last lines of what it printed."""
        try:
            process = subprocess.Popen(
                [self.config.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,  # the program has helpers, which are ended with it
            )
        except OSError as error:
            raise ComponentError(
                f"The program `{self.config.executable}` of the image builder `{self.place.name}` cannot be run: "
                f"{error.strerror}. Install it or correct `executable`. {_EXPORT}"
            ) from error
        late = threading.Timer(self.config.timeout, _end, (process,))
        late.start()
        lines: deque[str] = deque(maxlen=200)
        try:
            with process:
                for line in process.stdout or ():
                    lines.append(line.rstrip())
                    if shows and self.tell is not None:
                        self.tell(line.rstrip())
        except BaseException:  # such as Ctrl-C
            _end(process)
            raise
        finally:
            is_late = not late.is_alive() and process.returncode is not None and process.returncode < 0
            late.cancel()
        if is_late:
            raise ComponentError(
                f"`{self.config.executable} {arguments[0]}` of the image builder `{self.place.name}` took longer than "
                f"{self.config.timeout:g} s and was ended. Raise its `timeout`."
            )
        return process.returncode, list(lines)

    def _error(self, problem: str, code: int, lines: Sequence[str]) -> ComponentError:
        said = "\n".join(f"    {line}" for line in [line for line in lines if line.strip()][-_LINES:])
        if any(word in line.lower() for line in lines for word in _NO_ENGINE):
            remedy = f"No engine answers `{self.config.executable}`. {_EXPORT}"
        else:
            remedy = (
                f"`{self.config.executable}` left with exit code {code}; correct what its last lines say."
            )
        return ComponentError(f"{problem}, by the image builder `{self.place.name}`. {remedy}\n{said}")


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _flag(name: str, value: str | tuple[str, ...]) -> list[str]:
    if isinstance(value, tuple):
        return [part for one in value for part in (f"--{name}", one)]
    return [f"--{name}", value] if value else [f"--{name}"]


FLAVOR = Flavor(
    type="image_builder",
    name="docker",
    component=DockerImageBuilder,
    config=DockerImageBuilderConfig,
)
