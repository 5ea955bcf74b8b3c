"""The images of a pipeline: one for what it says of itself, and one for each step that says something else.

What was built or exported last is noted beside the store, part by part, so that it can be said why an image is
built again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from zenml import fs
from zenml.compile.variables import Variables
from zenml.components.active_stack import active_stack
from zenml.components.code_archive import EXPORT_MARK, SourceTree, find_root, pack, read_tree
from zenml.components.flavor import Place
from zenml.components.image_plan import ImagePlan, dockerignore_of, plan_image, travels
from zenml.components.parts import open_part
from zenml.components.registry import load_flavor, open_component
from zenml.config.docker_settings import DockerSettings
from zenml.errors import ConfigurationError
from zenml.records.stacks import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zenml.components.image_builder import ImageBuilder
    from zenml.records.plan import Plan, Source
    from zenml.store.store import Store

_MOST = 6
"""Reasons that are listed."""


class Last(msgspec.Struct, frozen=True):
    """The image that was built or exported last."""

    name: str
    parts: dict[str, str]


class PlannedImage(msgspec.Struct, frozen=True):
    """An image of a pipeline.

    Attributes:
        plan: the image.
        of: the ids of the steps that run in it; empty for the pipeline's own where no step does.
        what: what it is the image of, in words.
        code: the project's files, if they travel as an archive.
        why: why it would be built, or not.
    """

    plan: ImagePlan
    of: tuple[str, ...]
    what: str
    code: SourceTree | None
    why: str


def plan_images(plan: Plan, store_root: str, stack: Sequence[str] = ()) -> list[PlannedImage]:
    """Return the images of a pipeline, its own one first.

    Args:
        plan: of the pipeline; its placeholders are filled in here.
        store_root: the folder of the store, which goes into no image.
        stack: what the components of the stack need.

    Raises:
        ConfigurationError: what is wrong with the settings, or with what they name.
    """
    if plan.source is None or plan.source.file is None or not os.path.isfile(plan.source.file):
        raise ConfigurationError(
            f"Pipeline `{plan.pipeline}` is in no file, so there is no project to make an image of. Put it into a module."
        )
    root, variables = find_root(plan.source.file), Variables()
    own = plan.options.settings.get("docker") or {}
    users: dict[bytes, list[str]] = {msgspec.json.encode(own): []}
    for call in plan.invocations:
        merged = {**own, **(plan.definitions[call.definition].options.settings.get("docker") or {})}
        users.setdefault(msgspec.json.encode(merged), []).append(call.id)
    images = []
    for number, (said, steps) in enumerate(users.items()):
        is_own = number == 0
        what = _words(plan, steps, is_own=is_own)
        settings = DockerSettings(**variables.filled(msgspec.json.decode(said)))
        where = f"`settings.docker` of {what}{_place(plan, steps, is_own=is_own)}"
        made = plan_image(settings, root, what=where, stack=stack, without=(store_root,))
        code = None
        if travels(settings):
            code = read_tree(root, dockerignore=dockerignore_of(settings), without=(store_root,))
        why = why_built(made, _read_last(store_root, plan.pipeline, steps, is_own=is_own))
        images.append(PlannedImage(made, tuple(steps), what, code, why))
    return images


def why_built(plan: ImagePlan, last: Last | None) -> str:
    """Return why an image would be built, or why not, compared with the last one."""
    if not plan.is_build:
        return "nothing is built: the image is used as it is"
    if last is None:
        return "it would be built: none was built or exported from here before"
    if plan.name == last.name and plan.parts == last.parts:
        if plan.is_reusable:
            return "it would not be built again: nothing of it has changed since it was built or exported"
        return (
            "it would be built again although nothing has changed, since settings ask for it or name the tag"
        )
    changes = list(_changes(last.parts, plan.parts)) or [f"it is called `{plan.name}` now"]
    more = f" and {len(changes) - _MOST} more" if len(changes) > _MOST else ""
    return f"it would be built again: {'; '.join(changes[:_MOST])}{more}"


def note_image(image: PlannedImage, plan: Plan, store_root: str) -> None:
    """Note that an image was built or exported."""
    path = _path_of(store_root, plan.pipeline, image.of, is_own=image.what.startswith("pipeline"))
    if path is not None:
        fs.make_folder(os.path.dirname(path))
        fs.write_whole(path, msgspec.json.encode(Last(image.plan.name, image.plan.parts)))


def export_image(image: PlannedImage, folder: str) -> list[str]:
    """Write what an engine elsewhere needs: the build context, and the code that travels beside it.

    Returns:
        What was written.

    Raises:
        ConfigurationError: the folder holds something already, or nothing is to be built.
    """
    folder = os.path.abspath(folder)
    if os.path.isdir(folder) and os.listdir(folder):
        raise ConfigurationError(f"The folder `{folder}` is not empty. Name one that is not there yet.")
    fs.make_folder(folder)
    fs.write_whole(os.path.join(folder, EXPORT_MARK), b"")
    written = []
    if image.plan.is_build:
        written.append(os.path.join(folder, "image"))
        image.plan.write(written[0])
    if image.code is not None:
        written.append(os.path.join(folder, f"code-{image.code.digest[:20]}.tar.gz"))
        fs.write_whole(written[-1], pack(image.code))
    return written


def build_image(
    image: PlannedImage,
    folder: str,
    *,
    builder: ImageBuilder | None = None,
    tell: Callable[[str], None] | None = None,
) -> bool:
    """Build an image, unless one of its content is there; return whether it was built.

    Args:
        image: what is built.
        folder: an empty or missing folder for the build context.
        builder: by default the command `docker`.
        tell: takes the lines of the builder.

    Raises:
        ComponentError: no engine is there, or the build failed.
    """
    plan = image.plan
    if not plan.is_build:
        return False
    builder = builder or _docker()
    if plan.is_reusable and builder.has(plan.name):
        return False
    builder.tell = tell
    plan.write(folder)
    builder.build(folder, plan.name, options=plan.options)
    return True


def builder_of(store: Store) -> ImageBuilder:
    """Return the image builder of the active stack; the command `docker` where it has none."""
    component = active_stack(store).components.get("image_builder")
    if component is None:
        return _docker()
    builder: ImageBuilder = open_part(component, store)
    return builder


def needs_of(store: Store) -> tuple[str, ...]:
    """Return the packages that the components of the active stack need."""
    parts = active_stack(store).components.values()
    return tuple(one for part in parts for one in load_flavor(part.type, part.flavor).requirements)


def _docker() -> ImageBuilder:
    flavor = load_flavor("image_builder", "docker")
    builder: ImageBuilder = open_component(flavor, flavor.config(), Place(name=DEFAULT, folder=""))
    return builder


def _changes(before: dict[str, str], after: dict[str, str]) -> Any:
    for part in sorted({**before, **after}):
        kind, _, name = part.partition(": ")
        if before.get(part) == after.get(part):
            continue
        if part in before and part in after:
            yield f"`{name}` changed"
        else:
            how = "is new" if part in after else "is gone"
            line = name.strip(" &\\")
            yield f"the line `{line}` {how}" if kind == "line" else f"`{name}` {how}"


def _words(plan: Plan, steps: Sequence[str], *, is_own: bool) -> str:
    if is_own:
        return f"pipeline `{plan.pipeline}`"
    return f"step{'s' if len(steps) > 1 else ''} {', '.join(f'`{step}`' for step in steps)}"


def _place(plan: Plan, steps: Sequence[str], *, is_own: bool) -> str:
    source: Source | None = plan.source
    if not is_own:
        call = next(call for call in plan.invocations if call.id == steps[0])
        source = plan.definitions[call.definition].source
    if source is None or source.file is None:
        return ""
    return f" ({os.path.basename(source.file)}:{source.line})" if source.line else f" ({source.file})"


def _path_of(store_root: str, pipeline: str, steps: Sequence[str], *, is_own: bool) -> str | None:
    if not os.path.isdir(store_root):
        return None  # a store in memory remembers nothing
    name = "pipeline" if is_own else f"step-{steps[0]}"
    return os.path.join(
        store_root, "images", pipeline.replace(os.sep, "_"), f"{name.replace(os.sep, '_')}.json"
    )


def _read_last(store_root: str, pipeline: str, steps: Sequence[str], *, is_own: bool) -> Last | None:
    path = _path_of(store_root, pipeline, steps, is_own=is_own)
    try:
        return None if path is None else msgspec.json.decode(fs.read_whole(path), type=Last)
    except (OSError, msgspec.MsgspecError):
        return None
