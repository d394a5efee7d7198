"""One HTTP request: its time limits, and which failures may be tried again."""

from collections.abc import Iterator, Mapping

import requests

TIMEOUT = (10.0, 60.0)  # seconds to connect, seconds between two pieces of the answer
CHUNK = 1 << 16  # a break loses at most this much
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
LONGEST_WAIT = 30.0


class TransientError(Exception):
    """Worth another attempt; `wait` is the pause in seconds that the server asked for."""

    def __init__(self, reason: str, *, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


def get(session: requests.Session, url: str, headers: Mapping[str, str]) -> requests.Response:
    """The answer to one GET, its body not read yet; status 200, 206 or 416.

    Raises:
        TransientError: the connection failed or the server is busy.
        OSError: another status, or an address that cannot work.
    """
    try:
        # Offsets count the bytes on the server's disk, so nothing may compress them on the way.
        headers = {"Accept-Encoding": "identity", **headers}
        response = session.get(url, headers=headers, stream=True, timeout=TIMEOUT)
    except requests.exceptions.SSLError as error:
        raise OSError(f"no secure connection: {_innermost(error)}") from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise TransientError(_innermost(error)) from error
    except requests.RequestException as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
    if response.status_code in (200, 206, 416):
        return response
    response.close()
    if response.status_code in BUSY:
        raise TransientError(f"HTTP {response.status_code} {response.reason}", wait=_asked_wait(response))
    raise OSError(f"HTTP {response.status_code} {response.reason}")


def chunks(response: requests.Response) -> Iterator[bytes]:
    """The body piece by piece.

    Raises:
        TransientError: the connection broke before the announced end.
    """
    try:
        yield from response.iter_content(CHUNK)
    except requests.RequestException as error:
        raise TransientError(f"the connection broke: {_innermost(error)}") from error


def _asked_wait(response: requests.Response) -> float:
    seconds = response.headers.get("Retry-After", "")
    return min(float(seconds), LONGEST_WAIT) if seconds.isdecimal() else 0.0


def _innermost(error: Exception) -> str:
    """The last clause of requests' nested messages, e.g. `[Errno 111] Connection refused`."""
    return str(error).rpartition(": ")[2].strip("'\")( ") or type(error).__name__
