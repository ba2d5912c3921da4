"""The command line, called as a shell calls it: arguments in; exit code and both streams out."""

import sys

import pytest
from cli_samples import Alvh, Answer

from bot.cli.main import main


@pytest.fixture
def alvh(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Alvh:
    """Return the command `alvh` as a function of its arguments."""

    def call(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["alvh", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        streams = capsys.readouterr()
        code = ended.value.code
        return Answer(code if isinstance(code, int) else 0, streams.out, streams.err)

    return call
