"""Who may ask, and what a browser may do with the answer.

Rules of this file:
- The Host header must name an address of ours, or another site's name could be pointed at the
  loopback address and read the pages (DNS rebinding).
- Reading is open on loopback. Where the page can be reached from elsewhere, every request needs
  the token, given as the password of HTTP Basic; but for /healthz, which says no more than that
  the bot is well and which container engines ask.
- Changing anything always needs the token as a bearer, which no foreign page can make a browser
  send, and an Origin that is ours.
- Nothing is loaded from anywhere else; reports run in a sandbox without an origin.
"""

import base64
import binascii
from collections.abc import Mapping
from hmac import compare_digest

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.web.options import Access

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
)
HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
REPORTS = "/reports/files/"
HEALTH = "/healthz"


class Guard:
    """Stands before the application; refuses in a sentence."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with a refusal."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope), scope["path"])
        answer = self._app if refusal is None else refusal
        is_report = scope["path"].startswith(REPORTS)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = REPORT_POLICY if is_report else PAGE_POLICY
                if not is_report:
                    headers["cross-origin-resource-policy"] = "same-origin"
                headers.update(HEADERS)
            await send(message)

        await answer(scope, receive, send_guarded)

    def _refusal(self, headers: Headers, path: str) -> PlainTextResponse | None:
        access = self._access
        if access.hosts is not None and headers.get("host", "") not in access.hosts:
            return PlainTextResponse("This address is not served here.\n", 421)
        if (
            access.is_open
            or path == HEALTH
            or is_known(headers.get("authorization", ""), access.token)
        ):
            return None
        return PlainTextResponse(
            "Give the token as the password.\n",
            401,
            {"www-authenticate": 'Basic realm="alvh", charset="UTF-8"'},
        )


def is_known(authorization: str, token: str | None) -> bool:
    """Tell whether an Authorization header holds the token, as a bearer or a Basic password."""
    if token is None:
        return False
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        return compare_digest(_password(value).encode(), token.encode())
    return is_bearer(authorization, token)


def is_bearer(authorization: str, token: str | None) -> bool:
    """Tell whether an Authorization header holds the token as a bearer."""
    scheme, _, value = authorization.partition(" ")
    if token is None or scheme.lower() != "bearer":
        return False
    return compare_digest(value.strip().encode(), token.encode())


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def refusal_to_change(headers: Headers, access: Access) -> tuple[int, str] | None:
    """Return status and sentence when a request may not change anything, else None."""
    if access.token is None:
        return 403, "No token is set; start with ALVH_WEB_TOKEN in the environment to allow this."
    if "authorization" not in headers:
        return 401, "This needs the token as a bearer: Authorization: Bearer …"
    if not is_bearer(headers["authorization"], access.token):
        return 403, "The token is wrong."
    if not access.is_ours(headers.get("origin", ""), headers.get("host", "")):
        return 403, "Another site may not ask for this."
    if not headers.get("content-type", "").startswith("application/json"):
        return 415, "Send the request as application/json."
    return None
