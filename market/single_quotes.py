"""Quotes of single contracts: the rows of their chains, priced without the rest of the chain.

All contracts asked for at once are priced in one call, whatever their expiries; each instant
remembers what was asked, so that a venue and a book that look at it share one answer.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from market.instants import Instant
from market.instruments import OptionContract, Right, TradingClass
from market.quotes import ChainKey, DisplayedSize, Quote
from market.quoting import Quoting
from market.series_terms import SeriesTerms
from market.surface import Surface
from market.surface_rows import SpxTerms, Terms

_Group = tuple[Terms, list[OptionContract], list[float]]


class SingleQuotes:
    """Tells what single contracts are quoted at; the same numbers as in their chains."""

    def __init__(self, terms: SeriesTerms, surface: Surface, quoting: Quoting | None) -> None:
        self._terms = terms
        self._surface = surface
        self._quoting = quoting

    def quotes(
        self, instant: Instant, contracts: Iterable[OptionContract]
    ) -> Mapping[OptionContract, Quote]:
        """Return the quotes of those contracts that trade.

        A series that the market has moved away from stays listed, far from the money as it is.
        """
        wanted, known = tuple(contracts), instant.quotes
        fresh = [contract for contract in wanted if contract not in known]
        if fresh:
            known.update(dict.fromkeys(fresh))
            known.update(self._priced(instant, self._groups(instant, fresh)))
        found = ((contract, known[contract]) for contract in wanted)
        return {contract: quote for contract, quote in found if quote is not None}

    def _groups(self, instant: Instant, contracts: Iterable[OptionContract]) -> list[_Group]:
        """Return the contracts that trade by expiry, those of VIX last."""
        groups: dict[ChainKey, _Group] = {}
        for contract in contracts:
            key = (contract.trading_class, contract.expiry)
            terms = self._terms.of(instant, key)
            if terms is None:
                continue
            strike = float(contract.strike)
            if self._surface.is_on_grid(contract.trading_class, strike):
                _, members, strikes = groups.setdefault(key, (terms, [], []))
                members.append(contract)
                strikes.append(strike)
        return sorted(groups.values(), key=lambda group: not isinstance(group[0], SpxTerms))

    def _priced(self, instant: Instant, groups: list[_Group]) -> dict[OptionContract, Quote]:
        if not groups:
            return {}
        rows = self._surface.rows([(terms, strikes) for terms, _, strikes in groups])
        bids, asks, vols = rows.bid.tolist(), rows.ask.tolist(), rows.iv.tolist()
        deltas = (rows.put_delta.tolist(), rows.call_delta.tolist())
        found: dict[OptionContract, Quote] = {}
        row = 0
        for terms, members, _ in groups:
            size = self._size(instant, terms.series.trading_class)
            for contract in members:
                side = int(contract.right is Right.CALL)
                sides = bids[side][row], asks[side][row]
                greeks = vols[row], deltas[side][row]
                found[contract] = self._shown(contract, instant.at, sides, greeks, size)
                row += 1
        return found

    def _size(self, instant: Instant, trading_class: TradingClass) -> DisplayedSize | None:
        if self._quoting is None:
            return None
        return self._quoting.size_at(trading_class, instant.vol.vix)

    def _shown(
        self,
        contract: OptionContract,
        at: datetime,
        sides: tuple[float, float],
        greeks: tuple[float, float],
        size: DisplayedSize | None,
    ) -> Quote:
        if self._quoting is None:
            return Quote(at, *sides, *greeks)
        return self._quoting.row(contract, at, sides, greeks, size)
