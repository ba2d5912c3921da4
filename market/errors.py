"""One family of errors, drawn whole.

AlvhError
├── UserMistake            the person can mend it: one sentence, exit code 2
│   ├── ConfigError        a key, a value, a preset, a file of settings
│   ├── NotPaper           an account or port that is not one of paper trading
│   ├── HistoryError       a file of market history that cannot be trusted
│   ├── NoSuchSession      a date that is no trading session or lies outside history
│   └── AlreadyRunning     another process holds the account or folder
├── BrokerUnavailable      transient: waiting may help, exit code 3
├── MarketDataError        no usable quotes or series, exit code 3
├── OrderRefused           the broker or the risk gate said no to one order
├── JournalUnavailable     the journal cannot be reached or written now, exit code 3
├── BooksDiffer            our book and the broker's are not the same, exit code 4
├── JournalDamaged         a journal was changed, cut or torn, exit code 4
└── InvariantBroken        a bug of ours: stop in good order, exit code 4
"""


class AlvhError(Exception):
    """Root of every error this program raises on purpose; carries one sentence for people."""

    exit_code = 4


class UserMistake(AlvhError):
    """Something the person typed or supplied is wrong; the sentence names the remedy."""

    exit_code = 2


class ConfigError(UserMistake):
    """A setting, preset or settings file is unknown, malformed or out of range."""


class NotPaper(UserMistake):
    """The account, the log-in or the port is not one of paper trading; nothing overrides this."""


class HistoryError(UserMistake):
    """A history file misses a column, holds an impossible value or a gap."""


class NoSuchSession(UserMistake):
    """The date asked for is no trading session, or lies outside the history at hand."""


class AlreadyRunning(UserMistake):
    """Another process runs this profile on this account or folder; the sentence says which."""


class BrokerUnavailable(AlvhError):
    """The broker cannot be reached now; waiting may help."""

    exit_code = 3


class MarketDataError(AlvhError):
    """A quote or series that a decision needs cannot be had."""

    exit_code = 3


class OrderRefused(AlvhError):
    """One order was turned down; the rest of the session goes on."""

    exit_code = 3


class JournalUnavailable(AlvhError):
    """The journal cannot be reached or written now; nothing may be sent until it can."""

    exit_code = 3


class BooksDiffer(AlvhError):
    """The book and what the broker holds or told are not the same; trading stays off."""

    exit_code = 4


class JournalDamaged(AlvhError):
    """A journal's numbers, hashes or records do not hold; the sentence names the first bad row."""

    exit_code = 4


class InvariantBroken(AlvhError):
    """The program found itself in a state that must not exist."""

    exit_code = 4
