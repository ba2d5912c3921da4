"""`alvh completion`: the script that makes a shell complete our commands and options."""

import click
from click.shell_completion import get_completion_class

VARIABLE = "_ALVH_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Examples:
      eval "$(alvh completion bash)"            in ~/.bashrc
      eval "$(alvh completion zsh)"             in ~/.zshrc
      alvh completion fish > ~/.config/fish/completions/alvh.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # click ships these three
    click.echo(kind(context.find_root().command, {}, "alvh", VARIABLE).source())
