"""Where the dashboard listens and who may ask: settings, environment, and what they allow."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field

from market.errors import ConfigError
from strategies.section import Section

TOKEN_VARIABLE = "ALVH_WEB_TOKEN"
LEAST_TOKEN = 16
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class WebSettings(Section):
    """The dashboard; its token comes from the environment alone (ALVH_WEB_TOKEN)."""

    bind: str = Field(
        "127.0.0.1", description="Address to listen on; beyond loopback needs token and TLS."
    )
    port: int = Field(8642, ge=1, le=65_535, description="Port; if taken, the next free one.")
    certificate: str = Field("", description="TLS certificate, PEM file; with web.key.")
    key: str = Field("", description="Key of the TLS certificate, PEM file.")
    proxy: str = Field(
        "", description="Public address of a TLS proxy in front, such as https://bot.example.org."
    )
    reports: str = Field("runs", min_length=1, description="Folder of studies and reports to show.")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask: the Host headers that are ours, the token, and whether reading is open.

    `hosts` is None where the token is asked for anyhow and the public name is not known.
    """

    hosts: frozenset[str] | None
    token: str | None
    is_open: bool

    def is_ours(self, origin: str, host: str) -> bool:
        """Tell whether a request's Origin is a page of ours; programs send none."""
        place = urlsplit(origin).netloc
        return not origin or place == host or (self.hosts is not None and place in self.hosts)


def token_of(environment: Mapping[str, str] | None = None) -> str | None:
    """Return the token of the environment, None when none is set.

    Raises:
        ConfigError: it is too short to be a secret.
    """
    token = (os.environ if environment is None else environment).get(TOKEN_VARIABLE, "")
    if token and len(token) < LEAST_TOKEN:
        raise ConfigError(
            f"{TOKEN_VARIABLE} has {len(token)} characters; give a secret of at least"
            f" {LEAST_TOKEN}, such as `openssl rand -hex 16` prints."
        )
    return token or None


def is_loopback(bind: str) -> bool:
    """Tell whether an address is reached from this machine alone.

    Raises:
        ConfigError: it is no IP address.
    """
    try:
        return ipaddress.ip_address(bind).is_loopback
    except ValueError:
        raise ConfigError(
            f"web.bind = {bind!r} is no IP address; give one such as 127.0.0.1 or 0.0.0.0."
        ) from None


def require_safe(web: WebSettings, token: str | None) -> None:
    """Refuse an address that others reach without a token and TLS or a stated proxy.

    Raises:
        ConfigError: it would be open, or a file or address given for it is unusable.
    """
    for key in ("certificate", "key"):
        name = getattr(web, key)
        if name and not Path(name).is_file():
            raise ConfigError(f"web.{key} = {name!r} is no file; name a PEM file.")
    if bool(web.certificate) != bool(web.key):
        raise ConfigError("web.certificate and web.key go together; give both or neither.")
    if web.proxy and (urlsplit(web.proxy).scheme != "https" or not urlsplit(web.proxy).netloc):
        raise ConfigError(
            f"web.proxy = {web.proxy!r} is refused; give its public address as https://host."
        )
    is_reachable = not is_loopback(web.bind) or bool(web.proxy)
    if is_reachable and token is None:
        raise ConfigError(
            f"the dashboard on {web.proxy or web.bind} can be reached from elsewhere; set"
            f" {TOKEN_VARIABLE} in the environment, or leave web.bind at 127.0.0.1."
        )
    if not is_loopback(web.bind) and not web.certificate and not web.proxy:
        raise ConfigError(
            f"web.bind = {web.bind!r} without TLS is refused; give web.certificate and web.key, or"
            " web.proxy = https://… when a TLS proxy stands in front."
        )


def access_of(web: WebSettings, port: int, token: str | None) -> Access:
    """Return who may ask once the port is known."""
    shown = f"[{web.bind}]" if ":" in web.bind else web.bind
    hosts = {f"{name}:{port}" for name in (*LOOPBACK_NAMES, shown)}
    if web.proxy:
        hosts.add(urlsplit(web.proxy).netloc)
    is_local = is_loopback(web.bind)
    is_known = is_local or bool(web.proxy)
    return Access(frozenset(hosts) if is_known else None, token, is_local and not web.proxy)
