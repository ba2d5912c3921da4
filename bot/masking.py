"""Keeping secrets and account numbers out of whatever people or files get to see.

Text is masked where it leaves the program: sentences of errors, the log, and the records whose
words come from outside. An account keeps its last digits, so that two of them can be told apart.
"""

import re

_MASK = "***"
# IB: live accounts are U and digits, paper accounts DU, advisors' F and DF, with 5 digits or more.
_ACCOUNT = re.compile(r"\b(D?[UF])\d{3,}(\d{2})\b")
_PASSWORD_IN_URL = re.compile(r"(://[^\s:/@\"'\\]*):([^\s@/\"'\\]+)@")
_SECRET_PARAMETER = re.compile(
    r"(?i)\b((?:access_?|api_?|auth_?)?(?:password|passwd|passfile|pwd|secret|token|key)=)[^\s&;,'\"\\]+"
)
_BEARER = re.compile(r"(?i)\b(bearer\s+)[a-z0-9._~+/-]{8,}=*")


def masked(text: str) -> str:
    """Return a text without account numbers, passwords and tokens."""
    text = _ACCOUNT.sub(rf"\1{_MASK}\2", text)
    text = _PASSWORD_IN_URL.sub(rf"\1:{_MASK}@", text)
    text = _SECRET_PARAMETER.sub(rf"\1{_MASK}", text)
    return _BEARER.sub(rf"\1{_MASK}", text)


def holds_secret(text: str) -> bool:
    """Tell whether a text holds a password or a token."""
    return any(pattern.search(text) for pattern in (_PASSWORD_IN_URL, _SECRET_PARAMETER, _BEARER))
