"""The simulated world: history, calendar, releases and the market model made of them."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from bot.series import series_of
from bot.settings import ListingMode, Settings
from market.errors import ConfigError
from market.family import VolFamily, complete_family
from market.history import History, load_history
from market.listings import ListingRules, Listings
from market.macro import MacroCalendar
from market.model import ModelMarket
from market.quoting import FaultShares, Quoting
from market.session_table import SessionTable, calendar_of
from market.sessions import SessionCalendar
from market.surface import Surface
from market.surface_params import SurfaceParams
from market.synthetic import synthetic_history
from market.synthetic_params import SyntheticParams

CALENDAR_FIRST = date(1999, 1, 4)
CALENDAR_LAST = date(2028, 12, 29)
DATA_CALENDAR_FIRST = date(1990, 1, 2)
SYNTHETIC_FIRST = date(2025, 1, 2)
SYNTHETIC_PAST = timedelta(days=430)
SYNTHETIC_FUTURE = timedelta(days=400)
SYNTHETIC_SPX = 5500.0


@dataclass(frozen=True)
class World:
    """Everything a run of the simulation is a function of, besides its settings."""

    calendar: SessionCalendar
    macro: MacroCalendar
    history: History
    listings: Listings
    family: VolFamily
    market: ModelMarket
    seed: int

    def series(self, first: date, last: date) -> dict[str, str]:
        """Return of each series whether it was real, mixed, modelled, synthetic or absent from
        `first` to `last`."""
        return series_of(self.history, self.family, self.listings, first, last)


def config_text(name: str) -> str:
    """Return the text of a shipped table."""
    return (files("config") / name).read_text(encoding="utf-8")


def load_calendar(first: date = CALENDAR_FIRST) -> SessionCalendar:
    """Return all sessions from the start of history to past the end of the macro calendar."""
    table = SessionTable.from_toml(config_text("sessions.toml"))
    return calendar_of(table, first, CALENDAR_LAST)


def load_macro(settings: Settings) -> MacroCalendar:
    """Return the macro calendar: the shipped one, or the file named by `market.macro_file`.

    Raises:
        ConfigError: that file cannot be read or is malformed.
    """
    name = settings.market.macro_file
    if not name:
        return MacroCalendar.from_toml(config_text("macro_events.toml"))
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(
            f"market.macro_file = {name!r} cannot be read; name a TOML shaped like the shipped "
            "macro_events.toml."
        ) from None
    return MacroCalendar.from_toml(text, Path(name).name)


def load_listings(calendar: SessionCalendar, settings: Settings) -> Listings:
    """Return which series exist on which date."""
    return _listings(calendar, settings.market.listing is ListingMode.HYPOTHETICAL)


@lru_cache(maxsize=4)
def _listings(calendar: SessionCalendar, is_hypothetical: bool) -> Listings:
    """Return the shipped listings on a calendar: drawn markets that share one share them too."""
    rules = ListingRules.from_toml(config_text("listings.toml"))
    return Listings(rules, calendar, is_hypothetical)


def historical_world(settings: Settings, data: Path | None, seed: int) -> World:
    """Return the world of recorded history, built in or from a folder of files.

    Raises:
        HistoryError: a file cannot be trusted.
    """
    calendar = load_calendar(CALENDAR_FIRST if data is None else DATA_CALENDAR_FIRST)
    return world_of(settings, calendar, load_history(data, calendar), seed)


def synthetic_world(settings: Settings, today: date, seed: int) -> World:
    """Return a synthetic world around today: a past to warm up on, and a future to trade.

    A seed is the same market on whatever day it is looked at, because its past begins on one date.
    """
    calendar = load_calendar()
    params = SyntheticParams.from_toml(config_text("synthetic.toml"))
    first = calendar.on_or_after(min(SYNTHETIC_FIRST, today - SYNTHETIC_PAST))
    last = min(calendar.on_or_before(today + SYNTHETIC_FUTURE), calendar.last)
    history = synthetic_history(calendar, first, last, seed, params, start_spx=SYNTHETIC_SPX)
    return world_of(settings, calendar, history, seed)


def shipped_params() -> SurfaceParams:
    """Return the parameters of the model market that come with the package."""
    return SurfaceParams.from_toml(config_text("surface.toml"))


def world_of(settings: Settings, calendar: SessionCalendar, history: History, seed: int) -> World:
    """Return the world that a history makes, whatever series it has."""
    listings = load_listings(calendar, settings)
    params = shipped_params()
    family = complete_family(history, params.family)
    macro = load_macro(settings)
    shares = settings.quotes
    faults = FaultShares(
        shares.share_stale_frac, shares.share_crossed_frac, shares.share_missing_frac
    )
    quoting = Quoting.from_toml(config_text("quotes.toml"), seed, faults)
    surface = Surface(params, settings.market.vol_shock_frac)
    market = ModelMarket(history, calendar, listings, surface, family, seed, macro, quoting)
    return World(calendar, macro, history, listings, family, market, seed)
