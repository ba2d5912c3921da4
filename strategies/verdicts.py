"""Short ways to write what a filter said."""

from strategies.base import FilterResult, Verdict


def passed(rule: str, name: str, detail: str) -> FilterResult:
    """Return the entry of a filter that lets everything through."""
    return FilterResult(rule, name, Verdict.PASS, detail)


def blocked(rule: str, name: str, code: str, detail: str) -> FilterResult:
    """Return the entry of a filter that stops the trade for the reason `code`."""
    return FilterResult(rule, name, Verdict.BLOCK, detail, code=code)


def unknown(rule: str, name: str, detail: str) -> FilterResult:
    """Return the neutral entry of a filter that is switched off or misses its input (A5)."""
    return FilterResult(rule, name, Verdict.UNKNOWN, detail)


def not_asked(rule: str, name: str) -> FilterResult:
    """Return the entry of a filter that an earlier one made needless."""
    return unknown(rule, name, "not evaluated: an earlier filter decided")
