"""What the account holds as TWS tells it: options that we know by name, and what we do not."""

from collections.abc import Mapping

from brokers.ib.contracts import ContractCache
from brokers.ib.messages import PositionSeen
from market.instruments import OptionContract


class Holdings:
    """Signed contracts of one account; 0 is a position that was closed."""

    def __init__(self, account: str, cache: ContractCache) -> None:
        self._account = account
        self._cache = cache
        self._held: dict[OptionContract, int] = {}
        self._foreign: dict[str, int] = {}

    def clear(self) -> None:
        """Forget all: it is told anew."""
        self._held.clear()
        self._foreign.clear()

    def take(self, seen: PositionSeen) -> None:
        """Take in one position."""
        if seen.account != self._account:
            return
        contract = self._cache.contract(seen.contract)
        if contract is None:
            name = seen.contract.local_symbol or seen.contract.symbol
            self._foreign[name] = seen.position
            if not seen.position:
                del self._foreign[name]
        else:
            self._held[contract] = seen.position

    def held(self) -> Mapping[OptionContract, int]:
        """Return the options that are held."""
        return {contract: count for contract, count in self._held.items() if count}

    def foreign(self) -> tuple[str, ...]:
        """Return a sentence for each position in what this program does not trade."""
        return tuple(f"{held} of {name} are held" for name, held in self._foreign.items())
