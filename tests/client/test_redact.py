"""No planted secret leaves; no commit id, digest or ordinary word is touched."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackrecord import redact

MIXED = string.ascii_letters + string.digits
SECRETS = [
    "xoxb-123456789012-123456789012-AbCdEfGhIjKlMnOpQrStUvWx",
    "xapp-1-A0123456789-1234567890123-abcdef",
    "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "11ABCDEFG0" * 3,
    "glpat-" + "abcDEF123456_-abcDEF",
    "AKIA" + "ABCDEFGH12345678",
    "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ12345678",
    "sk-proj-" + "aB3dE6gH9jK2mN5pQ8sT1vW4",
    "sk_live_" + "abcdef1234567890",
    "AIza" + "SyA-1234567890abcdefghijklmnopqrstu",
    "trk_" + "Ab1Cd2Ef3G" * 3 + "Hi4Jk5",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
    "Authorization: Bearer abcdefghij0123456789",
    "Bearer abcdef0123456789abcdef",
]
HARMLESS = [
    "9fceb02d0ae598e95dc970b74767f19372d61af8",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "sk-learn-based-classifier-with-many-words",
    "task-distributed-training-2024-Large-Run-1",
    "the basic understanding of bearer bonds is fine",
    "https://example.org/team/code.git",
    "git@example.org:team/code.git",
    "ssh://git@example.org/team/code.git",
    "someone@example.org",
    "hf_model_name",
    "s3://bucket/path@v1",
    "brave-otter-42",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_known_shapes_are_taken_out_of_text_and_found_in_code(secret: str) -> None:
    assert secret not in redact.text(f"before {secret} after")
    assert redact.text(f"before {secret} after").startswith("before [redacted")
    assert redact.kind_in(f"VALUE = '{secret.partition(chr(10))[0]}'")


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays(text: str) -> None:
    assert redact.text(text) == text
    assert redact.kind_in(f"value = '{text}'") is None


@settings(max_examples=300, deadline=None)
@given(
    before=st.text(string.ascii_lowercase + " =:/\"'", max_size=20),
    secret=st.sampled_from([each for each in SECRETS if "\n" not in each]),
    sha=st.text("0123456789abcdef", min_size=40, max_size=40),
)
def test_planted_between_other_things(before: str, secret: str, sha: str) -> None:
    said = redact.text(f"{before} {secret} {sha}")
    assert secret not in said
    assert sha in said


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("https://user:pass@example.org/x", "https://example.org/x"),
        ("https://ghtoken@example.org/x.git", "https://example.org/x.git"),
        ("postgresql://ada:hunter2@db/x", "postgresql://ada@db/x"),
        ("two http://a:b@c and ftp://d:e@f", "two http://c and ftp://d@f"),
    ],
)
def test_userinfo_leaves_urls(given_: str, kept: str) -> None:
    assert redact.text(given_) == kept


def test_command_lines_lose_values_of_secret_flags() -> None:
    words = [
        "train.py",
        "--api-key",
        "hunter2",
        "--token=hunter2",
        "HF_TOKEN=hunter2",
        "--lr",
        "0.1",
        "--max-tokens",
        "5",
    ]
    kept = redact.argv([*words, "--password", "--verbose", "https://u:p@host/"])
    assert "hunter2" not in " ".join(kept)
    assert kept[5:9] == ["--lr", "0.1", "--max-tokens", "5"]
    assert kept[9:] == ["--password", "--verbose", "https://host/"]


@pytest.mark.parametrize(
    "line",
    [
        "password = os.environ['PASSWORD']",
        "tokenizer = AutoTokenizer.from_pretrained('bert-base-uncased-v1-model')",
        'pad_token = "<|endoftext|>"',
        'api_key = "YOUR_API_KEY_HERE"',
        'password: "changeme"',
        "access_key = config['access_key_name_1']",
        'url = "https://user:password@example.org"',
        'sha = "9fceb02d0ae598e95dc970b74767f19372d61af8"',
    ],
)
def test_ordinary_code_is_no_secret(line: str) -> None:
    assert redact.kind_in(line) is None


@pytest.mark.parametrize(
    "line",
    [
        'password = "x9f8KQ2mZr71"',
        "API_KEY: str = 'q8Zt3nVb6LmW2rXy'",
        '"client_secret": "9aF3kLm2Qx8Zv5Tn"',
        "dsn = 'https://ada:q8Zt3nVb6Lm@db/x'",
    ],
)
def test_literals_that_look_drawn_by_lot_are(line: str) -> None:
    assert redact.kind_in(line)


@pytest.mark.parametrize("before", [0, 3_990, 4_000, 3_500, 50_000])
def test_a_hit_is_found_wherever_it_stands_in_a_long_line(before: int) -> None:
    line = b"x " * (before // 2) + b"key = 'AKIAABCDEFGH12345678'" + b" y" * 3_000
    patch = b"diff --git a/x.js b/x.js\n--- a/x.js\n+++ b/x.js\n@@ -0,0 +1,1 @@\n+" + line + b"\n"
    assert [(hit.path, hit.line) for hit in redact.in_patch(patch)] == [("x.js", 1)]
    assert [hit.line for hit in redact.in_file("x.js", line)] == [1]


def test_a_hit_in_a_patch_has_its_file_and_line() -> None:
    patch = b"""diff --git a/x.py b/x.py
--- a/x.py
+++ b/x.py
@@ -10,3 +10,4 @@
 one
-two
+two
+KEY = 'AKIAABCDEFGH12345678'
 three
diff --git "a/sp ace.py" "b/sp ace.py"
deleted file mode 100644
--- "a/sp ace.py"
+++ /dev/null
@@ -1,2 +0,0 @@
-a
-t = 'AKIAABCDEFGH12345678'
diff --git a/w.bin b/w.bin
GIT binary patch
literal 10
RAKIAABCDEFGH12345678

"""
    hits = [(hit.path, hit.line, hit.kind) for hit in redact.in_patch(patch)]
    assert hits == [("x.py", 12, "an AWS key"), ("sp ace.py", 2, "an AWS key")]
