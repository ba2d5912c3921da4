"""The command `alvh`: loads a subcommand only when it is called, and turns every error of ours
into one sentence and an exit code (0 done, 2 the user's mistake, 3 broker or data unavailable,
4 invariant broken)."""

import sys
from importlib import import_module
from io import TextIOWrapper

import click
from click.shell_completion import CompletionItem

from bot import __version__
from bot.cli.last_words import mask_last_words
from bot.masking import masked
from market.errors import AlvhError, InvariantBroken

COMMANDS = {
    "init": ("bot.cli.init", "Write a first settings file, from a few questions."),
    "demo": ("bot.cli.demo", "Replay a famous day of stress."),
    "run": ("bot.cli.run", "Run the bot: replay history, or a synthetic live market."),
    "exchange": ("bot.cli.exchange", "Run the simulated exchange as a process of its own."),
    "backtest": ("bot.cli.backtest", "Replay history at full speed and print the result."),
    "decide": ("bot.cli.decide", "Show what the entry of one session decided, and why."),
    "hedge": ("bot.cli.hedge", "Show the hedge of one session: layers, greeks, convexity."),
    "plan": ("bot.cli.plan", "List coming sessions, moments, releases and hedge rolls."),
    "top": ("bot.cli.top", "Watch a running bot in the terminal."),
    "status": ("bot.cli.status", "Show where a run stands, and what needs attention."),
    "halt": ("bot.cli.control:halt", "Stop a running daemon from opening anything."),
    "resume": ("bot.cli.control:resume", "Let a halted daemon trade again."),
    "flatten": ("bot.cli.control:flatten", "Close every open condor of a running daemon."),
    "journal": ("bot.cli.journal", "Read and verify the journal of a run."),
    "reconcile": ("bot.cli.reconcile", "Compare a run's book with the paper account's."),
    "doctor": ("bot.cli.doctor", "Check whether the line to Interactive Brokers is fit."),
    "gateway": ("bot.cli.gateway", "Serve the TWS API offline, for any TWS client to test on."),
    "data": ("bot.cli.data", "Look after a folder of history: status, import, download."),
    "notify": ("bot.cli.notify", "List the channels of notifications, and try them."),
    "config": ("bot.cli.config", "Show the settings in force, or all keys."),
    "presets": ("bot.cli.presets", "List the named sets of parameters."),
    "chain": ("bot.cli.chain", "Print a modelled option chain at any instant of history."),
    "calibrate": ("bot.cli.calibrate", "Measure or refit the market model on real chains."),
    "study": ("bot.cli.study", "Judge the method's claims on history, with intervals."),
    "report": ("bot.cli.report", "Write one page of a day, a range or a study."),
    "sweep": ("bot.cli.sweep", "Run a grid of parameters over history and drawn markets."),
    "completion": ("bot.cli.completion", "Print the script that completes commands in a shell."),
    "explain": ("bot.cli.explain", "Explain a rule, and tell how often it bound."),
}


class LazyGroup(click.Group):
    """A group whose subcommands are imported on first use: `--help` stays quick."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of the subcommands in the order of use."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Return the subcommand, importing its module."""
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute or "command")
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the names that fit without importing their commands."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(name, help=text)
            for name, (_, text) in COMMANDS.items()
            if name.startswith(incomplete)
        ]

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="alvh")
def cli() -> None:
    """Forward-test a daily SPX iron condor hedged by layered VIX calls (ALVH).

    Nothing here can trade real money: orders go to a simulated exchange, or to a paper account.

    \b
    Examples:
      alvh run                          replay the first quarter of 2018, with a live view
      alvh run --profile sim            the same daemon on a synthetic live market
      alvh backtest --from 2014-01-03 --to 2018-12-31 --json
      alvh decide --as-of 2018-02-02    why a condor was sold that day
      alvh hedge --as-of 2018-02-05     what the hedge was worth, and how convex it was
      alvh plan --days 10               what comes next
    """


def main() -> None:
    """Run the command line and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show "…" or "×" gets a question mark instead of a traceback.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    mask_last_words()
    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except AlvhError as error:
        prefix = "This is a bug of the program: " if isinstance(error, InvariantBroken) else ""
        click.echo(f"alvh: {prefix}{masked(str(error))}", err=True)
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        click.echo("alvh: stopped.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except OSError as error:
        click.echo(f"alvh: the output cannot be written ({error.strerror}).", err=True)
        sys.exit(3)
    sys.exit(code if isinstance(code, int) else 0)
