"""Sessions a second beside nautilus_trader, in one run: its plain job, and our full method.

    python -m benchmarks.replay_peers [--json]

The peer (`make peers`) sells a condor of given strikes each session at recorded prices, buys it
back at the next session's, and holds ten VIX calls. It chooses nothing, knows no rules and keeps no
journal; the prices come from our market, once, before it is measured. Ours is the full method on
the same sessions, its market included, with the journal in memory. Both in processor time.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from benchmarks.figures import Figure, Told, median_rate, parser_of, tell
from bot.replay import replay_rig, walk, window
from bot.settings import DEFAULT_PRESET, load_settings
from bot.world import World, historical_world
from brokers.unsuspended import run_now
from market.instruments import OptionContract, Right, TradingClass
from market.quotes import Chain, Quote

PEER = Path(".clients/nautilus-peers/bin/python")
PEER_SCRIPT = Path(__file__).with_name("nautilus_condor.py")
FIRST, LAST = date(2016, 1, 4), date(2017, 12, 29)
ROUNDS, SEED = 3, 7
TIMES_BAR = 10.0
LISTING = 'market.listing="hypothetical"'
SHORT_DELTA, LONG_DELTA = 0.10, 0.05
HEDGE_CALLS = 10
LEAST = "0.01"
Row = tuple[int, str, str, str]


def leg(chain: Chain, right: Right, delta: float) -> OptionContract:
    """Return the option whose delta is nearest to the wanted one."""
    deltas = chain.call_delta if right is Right.CALL else -chain.put_delta
    place = int(abs(deltas - delta).argmin())
    strike = Decimal(str(float(chain.strikes[place])))
    return OptionContract(chain.trading_class, chain.expiry, strike, right)


def rows_of(
    at: datetime, names: Mapping[OptionContract, str], quotes: Mapping[OptionContract, Quote]
) -> Iterator[Row]:
    """Yield what the peer reads of quotes that are whole."""
    for contract, name in names.items():
        quote = quotes.get(contract)
        if quote is not None and quote.bid is not None and quote.ask is not None:
            bid, ask = (f"{max(side, 0.01):.2f}" for side in (quote.bid, quote.ask))
            yield int(at.timestamp()), name, bid, ask


def condor_at(world: World, at: datetime, expiry: date) -> dict[OptionContract, str]:
    """Return the legs of a session's condor with the names that the peer knows them by."""
    chain = world.market.chain(TradingClass.SPXW, expiry, at)
    if chain is None:
        return {}
    return {
        leg(chain, right, delta): f"SPX{expiry:%y%m%d}-{kind}-{right}"
        for right in Right
        for kind, delta in (("short", SHORT_DELTA), ("long", LONG_DELTA))
    }


def worth(condor: Mapping[OptionContract, str], at: datetime, close: float) -> Iterator[Row]:
    """Yield what the legs are worth at their expiry."""
    for contract, name in condor.items():
        value = max(contract.intrinsic_points(Decimal(str(close))), Decimal(LEAST))
        yield int(at.timestamp()), name, f"{value:.2f}", f"{value:.2f}"


def recorded(world: World, days: tuple[date, ...]) -> list[Row]:
    """Return the quotes of a condor a session and of the calls, oldest first."""
    expiry = world.calendar.between(LAST, date(2018, 6, 29))[60]
    monthly = world.listings.vx_expiries(days[0], 4)[-1]
    calls = {
        OptionContract(TradingClass.VIX, monthly, Decimal(20 + n), Right.CALL): f"VIX-hedge-{n}C"
        for n in range(HEDGE_CALLS)
    }
    rows: list[Row] = []
    condor: dict[OptionContract, str] = {}
    for day, following in zip(days, (*days[1:], expiry), strict=True):
        at = world.calendar.session(day).option_close_at.replace(second=0)
        rows += worth(condor, at, world.market.levels(at).spx)
        if at.date() <= monthly:
            rows += rows_of(at, calls, world.market.quotes(calls, at))
        condor = condor_at(world, at, following)
        rows += rows_of(at, condor, world.market.quotes(condor, at))
    return rows


def peer_rates(rows: list[Row], sessions: int) -> list[tuple[float, float]]:
    """Return sessions and processor seconds of each round of the peer."""
    rounds = []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        path.write_text(json.dumps(rows), encoding="utf-8")
        for _ in range(ROUNDS):
            command = [str(PEER), str(PEER_SCRIPT), str(path)]
            done = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            if done["fills"] < 7 * sessions:
                raise SystemExit(f"the peer filled {done['fills']} orders only: void")
            rounds.append((float(sessions), float(done["seconds"])))
    return rounds


def ours(days: tuple[date, ...]) -> tuple[float, float]:
    """Return sessions and processor seconds of the full method."""
    settings = load_settings(DEFAULT_PRESET, None, (LISTING,))
    world = historical_world(settings, None, SEED)
    rig = replay_rig(settings, world, window(world, days[0], days[-1]), SEED)
    begun = process_time()
    run_now(walk(rig, days))
    return float(len(days)), process_time() - begun


def measured() -> Told:
    """Return both rates and their ratio."""
    world = historical_world(load_settings(DEFAULT_PRESET, None, (LISTING,)), None, SEED)
    days = tuple(world.calendar.between(FIRST, LAST))
    rate = median_rate([ours(days) for _ in range(ROUNDS)])
    figures = [Figure("ours, the full method", rate, "sessions/s")]
    if PEER.exists():
        peer = median_rate(peer_rates(recorded(world, days), len(days)))
        figures += [
            Figure("nautilus_trader, a given condor at recorded prices", peer, "sessions/s"),
            Figure("ours / nautilus_trader", rate / peer, "times", TIMES_BAR),
        ]
    else:
        print("nautilus_trader is not at hand: `make peers`", file=sys.stderr)
    notes = (
        "The peer chooses no strikes, prices nothing, knows no rules and keeps no journal; ours"
        " does all that and five shadow books. The replay's profile tells where our time goes.",
    )
    return Told(f"{len(days)} sessions beside a peer", tuple(figures), notes)


def main() -> None:
    """Measure and print."""
    given = parser_of(__doc__).parse_args()
    tell(given, measured())


if __name__ == "__main__":
    main()
