"""`alvh chain`: one modelled option chain, from what was known at that time."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from bot.cli.options import (
    DATE,
    history_options,
    json_option,
    print_json,
    read_settings,
    settings_options,
)
from market.errors import ConfigError, MarketDataError
from market.instruments import Right, TradingClass
from market.model import ModelMarket
from market.quotes import Chain
from market.sessions import exchange_zone

# The other class of options on the same index: series of one date may stand in either.
_TWIN_CLASS = {
    TradingClass.SPX: TradingClass.SPXW,
    TradingClass.SPXW: TradingClass.SPX,
    TradingClass.VIX: TradingClass.VIXW,
    TradingClass.VIXW: TradingClass.VIX,
}


class MomentType(click.ParamType[datetime]):
    """A New York time as YYYY-MM-DDTHH:MM, turned into UTC."""

    name = "moment"

    def convert(
        self, value: Any, param: click.Parameter | None, _ctx: click.Context | None
    ) -> datetime:
        """Return the instant.

        Raises:
            ConfigError: the text names no instant.
        """
        if isinstance(value, datetime):
            return value
        option = param.opts[0] if param is not None else "the time"
        try:
            told = datetime.fromisoformat(value)
        except ValueError:
            raise ConfigError(
                f"{option} {value} is no time; write it in New York time as 2018-02-05T15:59."
            ) from None
        if told.tzinfo is None:
            told = told.replace(tzinfo=exchange_zone())
        return told.astimezone(UTC)


@click.command("chain")
@click.option(
    "--class",
    "trading_class",
    type=click.Choice([kind.value for kind in TradingClass], case_sensitive=False),
    required=True,
    help="Trading class.",
)
@click.option(
    "--at", type=MomentType(), required=True, help="New York time, such as 2018-02-05T15:59."
)
@click.option("--expiry", type=DATE, required=True, help="Expiry date.")
@settings_options
@history_options
@json_option
def command(
    trading_class: str,
    at: datetime,
    expiry: date,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    data: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Print the modelled chain of one expiry: strikes, bid, ask, vol, delta. No real quotes.

    \b
    Examples:
      alvh chain --class SPXW --at 2018-02-02T16:10 --expiry 2018-02-05
      alvh chain --class VIX --at 2018-02-02T15:30 --expiry 2018-02-14 --json
    """
    from bot.world import historical_world  # noqa: PLC0415 - heavy

    market = historical_world(read_settings(preset, config, overrides), data, seed).market
    kind = TradingClass(trading_class.upper())
    chain = market.faultless_chain(kind, expiry, at)
    if chain is None:
        raise MarketDataError(_absence(market, kind, expiry, at))
    levels = market.levels(at)
    spot = levels.spx if kind in (TradingClass.SPX, TradingClass.SPXW) else levels.vix
    if as_json:
        print_json(as_json_object(chain, spot))
    else:
        click.echo(as_text(chain, spot))


def _absence(market: ModelMarket, kind: TradingClass, expiry: date, at: datetime) -> str:
    """Return why there is no chain, and what to ask for instead."""
    other = _TWIN_CLASS[kind]
    remedy = "choose another expiry, or list every session with --set market.listing=hypothetical"
    if market.faultless_chain(other, expiry, at) is not None:
        remedy = f"that expiry is one of {other}: --class {other}"
    return (
        f"no {kind} series expiring {expiry} was listed and trading at"
        f" {at.astimezone(exchange_zone()):%Y-%m-%d %H:%M} New York time; {remedy}."
    )


def as_json_object(chain: Chain, spot: float) -> dict[str, Any]:
    """Return a chain as plain values, puts before calls at each strike."""
    sides = (
        (Right.PUT, chain.put_bid, chain.put_ask, chain.put_mid, chain.put_iv, chain.put_delta),
        (
            Right.CALL,
            chain.call_bid,
            chain.call_ask,
            chain.call_mid,
            chain.call_iv,
            chain.call_delta,
        ),
    )
    rows = [
        {
            "strike": float(strike),
            "right": right.value,
            "bid": round(float(bid[row]), 2),
            "ask": round(float(ask[row]), 2),
            "mid": round(float(mid[row]), 4),
            "iv": round(float(iv[row]), 6),
            "delta": round(float(delta[row]), 6),
        }
        for row, strike in enumerate(chain.strikes)
        for right, bid, ask, mid, iv, delta in sides
    ]
    return {
        "class": chain.trading_class.value,
        "expiry": chain.expiry.isoformat(),
        "at": chain.at.isoformat(),
        "spot": round(spot, 2),
        "forward": round(chain.forward, 4),
        "years": round(chain.years, 8),
        "discount": round(chain.discount, 8),
        "simulated": True,
        "rows": rows,
    }


def as_text(chain: Chain, spot: float) -> str:
    """Return a chain as a table, calls left and puts right of the strike."""
    lines = [
        f"{chain.trading_class} expiring {chain.expiry}, modelled: spot {spot:.2f}, "
        f"forward {chain.forward:.2f}, {chain.years * 365:.2f} days",
        f"{'call bid':>9} {'ask':>9} {'delta':>6} | {'strike':>8} {'vol %':>6} |"
        f" {'put bid':>9} {'ask':>9} {'delta':>6}",
    ]
    lines += [
        f"{chain.call_bid[row]:9.2f} {chain.call_ask[row]:9.2f} {chain.call_delta[row]:6.3f} |"
        f" {strike:8.1f} {100 * chain.call_iv[row]:6.2f} |"
        f" {chain.put_bid[row]:9.2f} {chain.put_ask[row]:9.2f} {chain.put_delta[row]:6.3f}"
        for row, strike in enumerate(chain.strikes)
    ]
    return "\n".join(lines)
