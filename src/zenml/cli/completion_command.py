"""`zenml completion`: the script that lets a shell complete commands, options, and names in the store."""

from __future__ import annotations

import click

from zenml.cli.commands import Command

_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' line="${COMP_LINE:0:COMP_POINT}" words word kind value prefix
    # Bash breaks words at the colons and the @ of an artifact's name; here they are whole again.
    IFS=$' \\t' read -ra words <<< "$line"
    [[ "$line" == *[[:space:]] ]] && words+=("")
    word="${words[${#words[@]}-1]}"
    prefix="${word%%"${word##*[:=@]}"}"
    COMPREPLY=()
    for word in $(env COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) %(complete_var)s=bash_complete "$1"); do
        IFS=',' read -r kind value <<< "$word"
        if [[ $kind == file || $kind == dir ]]; then
            compopt -o default
        else
            COMPREPLY+=("${value#"$prefix"}")
        fi
    done
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


@click.command(cls=Command, example="zenml completion bash")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print the completion script of SHELL.

    Commands, options, runs, steps, artifacts, pipelines and tags are completed. For bash: add
    `eval "$(zenml completion bash)"` to `~/.bashrc`. For fish: write it to
    `~/.config/fish/completions/zenml.fish`.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"There is no completion for `{shell}`. There is: bash, zsh, fish.")
    root = click.get_current_context().find_root().command
    script = kind(root, {}, "zenml", "_ZENML_COMPLETE")
    # `source()` of bash starts bash to learn its version; the script itself needs no process.
    click.echo((_BASH if shell == "bash" else script.source_template) % script.source_vars())
