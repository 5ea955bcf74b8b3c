"""`zenml pipeline image`: the image that a pipeline's steps would run in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from zenml.cli.commands import Command, print_json, print_lines
from zenml.cli.pipeline_check import plan_of, target_options

if TYPE_CHECKING:
    from zenml.client.images import PlannedImage
    from zenml.components.image_builder import ImageBuilder
    from zenml.records.plan import Plan


@click.command(cls=Command, example="zenml pipeline image flow.py:train_pipeline --export image-of-flow")
@target_options
@click.option(
    "--export", metavar="FOLDER", help="Write build context and code there, for an engine elsewhere."
)
@click.option(
    "--build",
    is_flag=True,
    help="Build it with the image builder of the stack, by default `docker`, unless it is there.",
)
def image(
    target: str,
    params: tuple[str, ...],
    config_file: str | None,
    export: str | None,
    *,
    build: bool,
    as_json: bool,
) -> None:
    """Show the image that the pipeline TARGET names would run in: its Dockerfile, its name, and why it would be built.

    The name is made of the content, so the same project has the same image everywhere. Code travels as an
    archive beside it, unless settings say otherwise: then nothing is built when only code has changed.
    """
    from zenml.client.images import builder_of, export_image, needs_of, plan_images
    from zenml.store.opening import open_store

    plan = plan_of(target, params, config_file, as_json=as_json)
    store = open_store()
    root = store.root
    images = plan_images(plan, root, needs_of(store))
    done = []
    for one in images:
        exported = export_image(one, _folder_of(one, export, count=len(images))) if export else []
        is_built = _build(one, builder_of(store), as_json=as_json) if build else False
        if is_built or exported:
            _note(one, plan, root)
        done.append((one, exported, is_built))
    if as_json:
        print_json({"pipeline": plan.pipeline, "images": [_shape(*one) for one in done]})
    else:
        print_lines([line for one in done for line in _lines(*one)][:-1])


def _build(image: PlannedImage, builder: ImageBuilder, *, as_json: bool) -> bool:
    import tempfile

    from zenml.client.images import build_image

    with tempfile.TemporaryDirectory() as folder:
        tell = None if as_json else lambda line: click.echo(line, err=True)
        return build_image(image, os.path.join(folder, "image"), builder=builder, tell=tell)


def _note(image: PlannedImage, plan: Plan, root: str) -> None:
    from zenml.client.images import note_image

    note_image(image, plan, root)


def _folder_of(image: PlannedImage, folder: str, *, count: int) -> str:
    if count == 1:
        return folder
    return os.path.join(folder, "pipeline" if image.what.startswith("pipeline") else image.of[0])


def _lines(image: PlannedImage, exported: list[str], is_built: bool) -> list[str]:
    plan = image.plan
    about = [click.style(f"Image of {image.what}: {plan.name}", bold=True), f"  {image.why}"]
    if plan.sources:
        about.append(f"  packages from {', '.join(plan.sources)}")
    if plan.has_code:
        about.append("  the project's files are in it")
    elif image.code is not None:
        about.append(f"  code travels beside it: {len(image.code.files)} files, {image.code.digest[:12]}")
    if plan.left_out:
        about.append(f"  left out, because they may hold secrets: {', '.join(plan.left_out)}")
    about += [f"  {note}" for note in plan.notes]
    if is_built:
        about.append("  it was built now")
    if exported and plan.is_build:
        flags = "".join(_flag_text(flag, value) for flag, value in plan.options.items())
        about.append(f"  build it with: docker build --tag {plan.name}{flags} {os.path.relpath(exported[0])}")
    text = plan.dockerfile.splitlines()
    return [*about, "", *(f"  {line}" for line in text), *([""] if text else [])]


def _flag_text(flag: str, value: str | tuple[str, ...]) -> str:
    import shlex

    values = value if isinstance(value, tuple) else (value,)
    return "".join(f" --{flag} {shlex.quote(one)}" if one else f" --{flag}" for one in values)


def _shape(image: PlannedImage, exported: list[str], is_built: bool) -> dict[str, Any]:
    plan, code = image.plan, image.code
    return {
        "name": plan.name,
        "of": list(image.of),
        "dockerfile": plan.dockerfile,
        "files": [{"path": file.path, "digest": file.digest} for file in plan.files],
        "options": plan.options,
        "is_build": plan.is_build,
        "is_reusable": plan.is_reusable,
        "has_code": plan.has_code,
        "code": None
        if code is None
        else {"digest": code.digest, "files": [file.path for file in code.files]},
        "sources": list(plan.sources),
        "notes": list(plan.notes),
        "left_out": list(plan.left_out),
        "why": image.why,
        "built": is_built,
        "exported": exported,
    }
