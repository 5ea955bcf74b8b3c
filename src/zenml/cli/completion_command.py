"""`zenml completion`: the script that lets a shell complete commands and options."""

from __future__ import annotations

import click

from zenml.cli.commands import Command


@click.command(cls=Command, example="zenml completion bash")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print the completion script of SHELL.

    For bash: add `eval "$(zenml completion bash)"` to `~/.bashrc`. For fish: write it to
    `~/.config/fish/completions/zenml.fish`.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"There is no completion for `{shell}`. There is: bash, zsh, fish.")
    root = click.get_current_context().find_root().command
    script = kind(root, {}, "zenml", "_ZENML_COMPLETE")
    # `source()` of bash starts bash to learn its version; the script itself needs no process.
    click.echo(script.source_template % script.source_vars())
