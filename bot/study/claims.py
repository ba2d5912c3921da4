"""All claims in the order in which a trader reads them: the seed's first, then K1 … K22."""

from typing import Any

from bot.study.claim import Claim, judged
from bot.study.claims_condor import CONDOR
from bot.study.claims_hedge import HEDGE, SEED
from bot.study.claims_ladder import LADDER
from bot.study.claims_rules import RULES
from bot.study.claims_shift import SHIFT
from bot.study.populations import Evidence

CLAIMS: tuple[Claim, ...] = (
    *SEED,
    *sorted((*HEDGE, *CONDOR, *SHIFT, *LADDER, *RULES), key=lambda claim: int(claim.name[1:])),
)


def judge_all(evidence: Evidence) -> list[dict[str, Any]]:
    """Return every claim with its verdict."""
    return [judged(claim, evidence) for claim in CLAIMS]
