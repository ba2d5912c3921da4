"""Which sessions a study looks at where its window is not named."""

from datetime import date

from bot.study.runs import Source, span_of
from bot.world import config_text
from market.instruments import TradingClass
from market.listings import ListingRules

HEDGES = (TradingClass.VIX, TradingClass.VIXW)


def hedge_listed_from() -> date:
    """Return the day on which the first VIX options were listed (config/listings.toml)."""
    rules = ListingRules.from_toml(config_text("listings.toml")).rules
    return min(rule.listed_from for rule in rules if rule.trading_class in HEDGES)


def span_of_study(source: Source, first: date | None, last: date | None) -> tuple[date, date]:
    """Return the window of a study.

    Where no first session is named, it begins when the hedge could first be bought: years without
    VIX options would count as years in which it cost nothing.

    Raises:
        ConfigError: the dates are reversed.
        NoSuchSession: they lie outside the history.
    """
    begin, end = span_of(source, first, last)
    since = hedge_listed_from()
    if first is None and begin < since <= end:
        return span_of(source, since, end)
    return begin, end
