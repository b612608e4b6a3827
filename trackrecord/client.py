"""The only door to the network: requests to a registry, with the machine's proxies and certificates."""

from __future__ import annotations

import hashlib
import json
import os
import re
import ssl
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError

from trackrecord.config import Config, need_url
from trackrecord.errors import TrackrecordError
from trackrecord.version import __version__

_TOKEN = re.compile(r"^trk_[0-9A-Za-z]{36}$")
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_CHUNK = 1 << 20
_LARGEST_ANSWER = 64 << 20  # bytes of JSON


class Client:
    """Speaks to one registry. Every failure is a TrackrecordError; `passing` says whether to try again."""

    def __init__(self, config: Config) -> None:
        """Open nothing yet. Raises TrackrecordError for an address or a token that cannot be one."""
        self.url = need_url(config)
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
            raise TrackrecordError("The registry's address must look like https://host:port.", "Check TRACKRECORD_URL.")
        self._headers = {"User-Agent": f"trackrecord/{__version__}", "Accept": "application/json"}
        if config.token:
            if not _TOKEN.match(config.token):
                raise TrackrecordError(
                    "The token is not a trackrecord token.", "It looks like trk_… and 36 characters."
                )
            self._headers["Authorization"] = f"Bearer {config.token}"
        self._pool = _pool(parts.scheme, parts.hostname)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        *,
        seconds: float = 30.0,
    ) -> Any:
        """Send JSON bytes, return the answer's JSON (None when it has no body)."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        return _understood(
            *self._said(method, path + (f"?{urlencode(query)}" if query else ""), body, headers, seconds)
        )

    def text(self, path: str, *, seconds: float = 30.0) -> str:
        """An answer that is text and not JSON."""
        status, content = self._said("GET", path, None, {}, seconds)
        if status != 200:
            _understood(status, content)
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise TrackrecordError("What answered is not a trackrecord registry.", "Check the address.") from None

    def has(self, digest: str) -> bool:
        """Whether the registry's store has these bytes already."""
        try:
            self.ask("HEAD", f"/api/v1/artifacts/{digest}")
        except TrackrecordError as problem:
            if problem.status == 404:
                return False
            raise
        return True

    def put(self, digest: str, path: Path, sent: Callable[[int], None] | None = None) -> None:
        """Stream a file into the registry's store. `sent` hears how many bytes of it are on their way, again and again.

        Raises OSError when the file cannot be read.
        """
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
            body = file if sent is None else _Counted(file, sent)
            reply = self._send("PUT", f"/api/v1/artifacts/{digest}", body, headers, 900.0)
            try:
                content, status = reply.read(_LARGEST_ANSWER), reply.status
            except HTTPError as problem:
                raise _unreachable(self.url, problem) from None
            finally:
                reply.release_conn()
        _understood(status, content)

    def fetch(self, digest: str, path: Path) -> int:
        """Save an artifact under `path`, which appears only when its digest holds. Returns the size in bytes."""
        reply = self._send("GET", f"/api/v1/artifacts/{digest}", None, {}, 900.0)
        fresh = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            if reply.status != 200:
                _understood(reply.status, reply.read(_LARGEST_ANSWER))
            found, size = hashlib.sha256(), 0
            with fresh.open("wb") as file:
                for chunk in reply.stream(_CHUNK, decode_content=True):
                    found.update(chunk)
                    size += file.write(chunk)
            if found.hexdigest() != digest:
                raise TrackrecordError(
                    "What came is not what was asked for: the digest differs.", "Nothing was saved. Tell the operator."
                )
            fresh.replace(path)
            return size
        except HTTPError as problem:
            raise _unreachable(self.url, problem) from None
        finally:
            fresh.unlink(missing_ok=True)
            reply.release_conn()

    def _said(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> tuple[int, bytes]:
        reply = self._send(method, target, body, headers, seconds)
        try:
            return reply.status, reply.read(_LARGEST_ANSWER, decode_content=True)
        except HTTPError as problem:
            raise _unreachable(self.url, problem) from None
        finally:
            reply.release_conn()

    def _send(self, method: str, target: str, body: Any, headers: Mapping[str, str], seconds: float) -> Any:
        try:
            # No redirects: a token goes to the address that it was given for.
            return self._pool.request(
                method,
                self.url + target,
                body=body,
                headers={**self._headers, **headers},
                timeout=urllib3.Timeout(connect=min(5.0, seconds), read=seconds),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except (HTTPError, LocationValueError) as problem:
            raise _unreachable(self.url, problem) from None


class _Counted:
    """A file that tells how much of it was read: the connection sends what it reads, a piece at a time."""

    def __init__(self, file: BinaryIO, told: Callable[[int], None]) -> None:
        self._file, self._told, self._read = file, told, 0

    def read(self, size: int = -1) -> bytes:
        self._told(self._read)  # what was read before is with the kernel by now
        piece = self._file.read(size)
        self._read += len(piece)
        return piece


def path(*parts: str) -> str:
    """A path below /api/v1, every part quoted."""
    return "/api/v1/" + "/".join(quote(part, safe="") for part in parts)


def _pool(scheme: str, host: str) -> Any:
    """urllib3 does not look at proxies by itself; the machine's own certificates are those of `ssl`."""
    context = ssl.create_default_context() if scheme == "https" else None
    proxy = urllib.request.getproxies().get(scheme)
    if not proxy or urllib.request.proxy_bypass(host) or host in {"localhost", "127.0.0.1", "::1"}:
        return urllib3.PoolManager(num_pools=2, maxsize=4, ssl_context=context)
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    parts = urlsplit(proxy)
    auth = f"{parts.username}:{parts.password or ''}" if parts.username else None
    return urllib3.ProxyManager(
        proxy,
        num_pools=2,
        maxsize=4,
        ssl_context=context,
        proxy_headers=urllib3.make_headers(proxy_basic_auth=auth) if auth else None,
    )


def _understood(status: int, content: bytes) -> Any:
    """The JSON of a good answer; the error of any other."""
    try:
        data = json.loads(content) if content else None
    except ValueError:
        data = None
        if 200 <= status < 300:
            raise TrackrecordError(
                "What answered is not a trackrecord registry.", "Check the address (TRACKRECORD_URL).", status=502
            ) from None
    if 200 <= status < 300:
        return data
    problem = TrackrecordError.from_json(status, data)
    problem.passing = problem.passing or status in _PASSING
    if not problem.message:
        problem.message = f"The registry answered with HTTP status {status}."
    if 300 <= status < 400:
        problem.hint = "The address answers with a redirect: use the one that it leads to."
    if status == 401 and not problem.hint:
        problem.hint = "Run `trackrecord login` with a valid token."
    raise problem


def _unreachable(url: str, problem: Exception) -> TrackrecordError:
    said = re.sub(r"^.*?(?:\): |object at 0x[0-9a-f]+>: )", "", str(problem)) or type(problem).__name__
    if "CERTIFICATE_VERIFY_FAILED" in said:
        hint = "Its certificate is not trusted here: set SSL_CERT_FILE to your authority's file."
        return TrackrecordError(f"The registry at {url} cannot be trusted ({said}).", hint, status=503)
    return TrackrecordError(
        f"The registry at {url} does not answer ({said}).",
        "Check the address and the network.",
        status=503,
        passing=True,
    )
