"""Whatever the network does while a script trains: log() never waits for it, and all arrives afterwards, once."""

from __future__ import annotations

import datetime
import random
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.faults.place import Place, seed
from tests.faults.proxy import Proxy
from tests.soak import count

_STEPS = 100
# What the client says of it at the end. Empty: it is delivered all the same.
WORDS = {
    "refused": "refused",
    "black hole": "not delivered yet (it takes longer than 10 seconds)",
    "drip": "not delivered yet (it takes longer than 10 seconds)",
    "cut off": "does not answer",
    "unanswered": "does not answer",
    "refusal after half": "does not answer",
    "sick": "",
    "busy": "The registry answered with HTTP status 429.",
    "torn": "",
    "unauthorised": "The token is not known. Run `trackrecord login` with a valid token.); `trackrecord sync` sends it",
    "late verdict": "delivered; its checks are not through yet",
}


def certified(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = (
        made.serial_number(1).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    file = folder / "own.pem"
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
        + made.sign(key, hashes.SHA256()).public_bytes(encoding)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def _train_through(place: Place, fault: str, lots: random.Random) -> tuple[dict[str, Any], str]:
    with Proxy(place.registry.url, lots) as proxy:
        if fault == "late verdict":  # all arrives, and then the answer to the last question does not
            proxy.fault = lambda method, _: "drip" if method == "GET" else "none"
        else:
            proxy.always(fault)
        return place.train("steady.py", _STEPS, 0.004, TRACKRECORD_URL=proxy.url)


def _never_waited(seen: dict[str, Any]) -> None:
    """No call waited for the network (that would be seconds). One that the machine's other work held up is let off."""
    assert seen["p99_s"] < 0.05, seen
    assert seen["worst_s"] < 1.0, seen


def _arrived_once(place: Place, run_id: str, steps: int) -> None:
    found = place.arrived(run_id)
    assert found is not None
    assert found.steps() == list(range(steps))
    assert found.points["loss"][2] == [step / 7 for step in range(steps)]
    assert found.whole
    assert (found.run.state, found.finish["dropped"]) == ("finished", 0)


@pytest.mark.timeout(300)
def test_training_does_not_feel_the_network_and_all_of_it_arrives_once(place: Place) -> None:
    lots = seed("network")
    own = [random.Random(lots.random()) for _ in WORDS]
    with ThreadPoolExecutor(3) as pool:
        trained = dict(
            zip(WORDS, pool.map(lambda fault, each: _train_through(place, fault, each), WORDS, own), strict=True)
        )
    for fault, (seen, said) in trained.items():
        _never_waited(seen)
        assert (seen["kept"], seen["finish_s"] < 6.0) == (_STEPS, True), (fault, seen)
        assert WORDS[fault] in said, (fault, said)
        # One at the start, one at the end; those about the runs beside this one aside.
        lines = [line for line in said.splitlines() if "earlier run" not in line and " ran as " not in line]
        assert len(lines) == 2, (fault, lines)
    done = place.sync()
    assert (done.returncode, place.pending()) == (0, []), done
    for seen, _ in trained.values():
        _arrived_once(place, seen["run"], _STEPS)
    assert place.reason(trained["unanswered"][0]["run"])[0] == "verified"


@pytest.mark.timeout(120)
def test_a_registry_that_cannot_be_trusted_or_found_gets_nothing(place: Place) -> None:
    lots = seed("strangers")
    with Proxy(place.registry.url, lots, certified(place.folder)) as unknown, Proxy(place.registry.url, lots) as plain:
        addresses = {
            unknown.url: "cannot be trusted (",
            plain.url.replace("http:", "https:"): "does not answer (",
            "http://no-such-host.invalid:8321": "does not answer (",
        }
        with ThreadPoolExecutor(3) as pool:
            trained = list(pool.map(lambda url: place.train("steady.py", 50, 0.004, TRACKRECORD_URL=url), addresses))
        assert unknown.posts == plain.posts == 0
    for (seen, said), words in zip(trained, addresses.values(), strict=True):
        _never_waited(seen)
        assert "finished, not delivered yet (The registry at http" in said, said
        assert words in said, said
    assert "CERTIFICATE_VERIFY_FAILED" in trained[0][1]
    assert "set SSL_CERT_FILE to your authority's file" in trained[0][1]
    assert place.sync().returncode == 0
    for seen, _ in trained:
        _arrived_once(place, seen["run"], 50)


@pytest.mark.soak
@pytest.mark.timeout(3_000)
def test_thousands_of_posts_through_every_fault_keep_each_record_once(place: Place) -> None:
    """One after another with a fault each, drawn by lot: also several for the same batch."""
    lots = seed("posts")
    ill = ("cut off", "unanswered", "refusal after half", "sick", "busy", "torn", "unauthorised")
    kinds = (*["none"] * len(ill), *ill)
    posts, records, runs, done = 0, 0, 0, {}
    with Proxy(place.registry.url, lots) as proxy:
        proxy.fault = lambda _method, _path: lots.choice(kinds)
        while proxy.posts < count(150, 10_000):
            steps = count(200, 2_000)
            seen, _ = place.train("steady.py", steps, 0.004, TRACKRECORD_URL=proxy.url, EVERY_S="0.002")
            _never_waited(seen)
            while place.pending():  # the same faults meet every sync
                place.sync(TRACKRECORD_URL=proxy.url)
            _arrived_once(place, seen["run"], steps)
            records, runs = records + steps, runs + 1
        posts, done = proxy.posts, {fault: sum(n for (f, _), n in proxy.done.items() if f == fault) for fault in kinds}
    print(f"{posts:,} posts of {runs} runs with {records:,} records, every one kept once; requests by fault: {done}")
    assert all(done.values()), done
