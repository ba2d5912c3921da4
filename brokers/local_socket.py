"""Sockets on one machine, at a path that only its owner may use: who listens, and who speaks."""

import os
import socket
import struct
from pathlib import Path

from market.errors import ConfigError

LONGEST_PATH_BYTES = 100


def peer_uid(line: socket.socket) -> int | None:
    """Return the user at the other end of a Unix socket, None where the system does not tell."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    uid: int = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, option, 12))[1]
    return uid


def peer_pid(line: socket.socket) -> int:
    """Return the process at the other end of a Unix socket, 0 where the system does not tell."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return 0
    pid: int = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, option, 12))[0]
    return pid


def listen_on(path: Path) -> socket.socket:
    """Return a listening socket at a path that only its owner may use.

    Raises:
        ConfigError: the path is too long, taken, or its folder is missing.
    """
    if len(os.fsencode(path)) > LONGEST_PATH_BYTES:
        raise ConfigError(f"socket {path} is a longer path than systems allow; name a shorter one.")
    _remove_dead(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The mask holds from the first instant; a later chmod would leave a gap.
    before = os.umask(0o177)
    try:
        listening.bind(os.fspath(path))
    except OSError as error:
        listening.close()
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(f"socket {path} cannot be made ({reason}); name another path.") from None
    finally:
        os.umask(before)
    return listening


def _remove_dead(path: Path) -> None:
    """Remove a socket that a dead process left behind.

    Raises:
        ConfigError: somebody listens on it, or it is no socket.
    """
    if not path.exists():
        return
    if not path.is_socket():
        raise ConfigError(f"{path} exists and is no socket; name another path.")
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.connect(os.fspath(path))
    except OSError:
        path.unlink(missing_ok=True)
    else:
        raise ConfigError(f"socket {path} is in use by process {peer_pid(probe)}; name another.")
    finally:
        probe.close()
