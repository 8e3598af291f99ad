"""Completion scripts.

bash splits words at colons, so click's own script would complete ``apps:c`` as ``c``. Ours gives click the words
as spaces part them, and takes what stands before the last colon off its answers.
"""

from __future__ import annotations

import click

_BASH = r"""
_laambda_completion() {
    local line="${COMP_LINE:0:COMP_POINT}" words reply prefix=""
    read -r -a words <<< "$line"
    local index=$(( ${#words[@]} - 1 ))
    [[ "$line" == *[[:space:]] ]] && index=$(( index + 1 ))
    local current="${words[index]:-}"
    [[ "$current" == *:* && "$COMP_WORDBREAKS" == *:* ]] && prefix="${current%:*}:"
    COMPREPLY=()
    while IFS=, read -r kind reply; do
        case "$kind" in
            dir) compopt -o dirnames 2>/dev/null ;;
            file) compopt -o default 2>/dev/null ;;
            plain) COMPREPLY+=("${reply#"$prefix"}") ;;
        esac
    done < <(COMP_WORDS="$line" COMP_CWORD="$index" _LAAMBDA_COMPLETE=bash_complete laambda 2>/dev/null)
}
complete -o nosort -F _laambda_completion laambda 2>/dev/null || complete -F _laambda_completion laambda
"""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a completion script for SHELL.

    For bash, put this into ~/.bashrc: source <(laambda completion bash)
    """
    if shell == "bash":
        click.echo(_BASH.strip())
        return
    from click.shell_completion import get_completion_class

    from laambda.cli.run import cli

    found = get_completion_class(shell)
    if found is not None:
        click.echo(found(cli, {}, "laambda", "_LAAMBDA_COMPLETE").source())
