"""All claims in the order in which a trader reads them: the seed's first, then K1 … K22."""

from typing import Any

from bot.study.claim import Claim, judged
from bot.study.claims_condor import CONDOR, RULES, SHIFT
from bot.study.claims_hedge import HEDGE, PROFILE, SEED
from bot.study.populations import Evidence

CLAIMS: tuple[Claim, ...] = (
    *SEED,
    *sorted((*HEDGE, *CONDOR, *SHIFT, *PROFILE, *RULES), key=lambda claim: int(claim.name[1:])),
)


def judge_all(evidence: Evidence) -> list[dict[str, Any]]:
    """Return every claim with its verdict."""
    return [judged(claim, evidence) for claim in CLAIMS]
