"""No planted secret leaves; no commit id, digest or ordinary word is touched."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client.redaction.kinds import KINDS, plant
from trackrecord import redact

_LOT = random.Random(7)
SECRETS = [plant(kind, _LOT).value for kind in KINDS if not kind.named and not kind.whole]
AWS = plant(KINDS[0], _LOT).value
MISTRAL = next(kind for kind in KINDS if kind.name == "Mistral")
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
    assert redact.text(f"before {secret} after").startswith("before ")
    assert redact.kind_in(f"VALUE = '{secret}'")


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays(text: str) -> None:
    assert redact.text(text) == text
    assert redact.kind_in(f"value = '{text}'") is None


@settings(max_examples=300, deadline=None)
@given(
    before=st.text(string.ascii_lowercase + " =:/\"'", max_size=20),
    secret=st.sampled_from(SECRETS),
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
        'password = "{}"',
        "API_KEY: str = '{}'",
        '"client_secret": "{}"',
        "dsn = 'https://ada:{}@db/x'",
        "db_password={}",
        "os.environ['HF_TOKEN'] = \"{}\"",
        '    token: "{}"',
        "wandb.login(key='{}', api_key='{}')",
        'headers = {{"X-Api-Key": "{}"}}',
        "--auth-token {}",
    ],
)
def test_literals_that_look_drawn_by_lot_are(line: str) -> None:
    assert redact.kind_in(line.replace("{}", plant(MISTRAL, _LOT).value).replace("{{", "{").replace("}}", "}"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("it is {GitHub classic} here", "it is [redacted: a GitHub token] here"),
        ("{Slack bot}", "[redacted: a Slack token]"),
        ("WANDB_API_KEY={W&B}", "WANDB_API_KEY=[redacted: a password or key]"),
        ("password: {MLflow password}", "password: [redacted: a password]"),
        ("redis://:{MLflow password}@cache/0", "redis://cache/0"),
        ("amqp://{Cohere}@queue/0", "amqp://[redacted]@queue/0"),
    ],
)
def test_what_stands_in_its_place_says_what_it_was(line: str, said: str) -> None:
    name = line[line.index("{") + 1 : line.index("}")]
    value = plant(next(kind for kind in KINDS if kind.name == name), _LOT).value
    assert redact.text(line.replace("{" + name + "}", value)) == said


def test_a_private_key_after_a_flag_is_no_flag() -> None:
    pem = plant(next(kind for kind in KINDS if kind.name == "SSH key"), _LOT)
    kept = redact.argv(["--ssh-key", pem.value, "--lr", "1", f"--note={pem.value}"])
    assert kept == ["--ssh-key", "[redacted: ssh-key]", "--lr", "1", "--note=[redacted: a private key]"]


def test_a_name_that_is_a_secret_is_not_repeated_in_its_marker() -> None:
    token = plant(KINDS[3], _LOT).value
    assert redact.mapping({f"api_key {token}": "hunter2"}) == {
        "api_key [redacted: a GitHub token]": "[redacted: api_key (redacted: a GitHub token)]"
    }
    assert token not in str(redact.argv([f"--token-{token}", "hunter2", f"token-{token}=hunter2"]))


@pytest.mark.parametrize(
    "value", ["True", "none", "0.5", "512", "<your token>", "$HF_TOKEN", "${oc.env:HF_TOKEN}", "***"]
)
def test_switches_numbers_and_placeholders_are_no_secrets(value: str) -> None:
    assert redact.value_of("api_token", value) == value
    assert redact.argv(["--api-token", value, f"--api-token={value}"]) == ["--api-token", value, f"--api-token={value}"]


@pytest.mark.parametrize("before", [0, 3_990, 4_000, 3_500, 50_000])
def test_a_hit_is_found_wherever_it_stands_in_a_long_line(before: int) -> None:
    line = b"x " * (before // 2) + f"key = '{AWS}'".encode() + b" y" * 3_000
    patch = b"diff --git a/x.js b/x.js\n--- a/x.js\n+++ b/x.js\n@@ -0,0 +1,1 @@\n+" + line + b"\n"
    assert [(hit.path, hit.line) for hit in redact.in_patch(patch)] == [("x.js", 1)]
    assert [hit.line for hit in redact.in_file("x.js", line)] == [1]


def test_a_hit_in_a_patch_has_its_file_and_line() -> None:
    patch = f"""diff --git a/x.py b/x.py
--- a/x.py
+++ b/x.py
@@ -10,3 +10,4 @@
 one
-two
+two
+KEY = '{AWS}'
 three
diff --git "a/sp ace.py" "b/sp ace.py"
deleted file mode 100644
--- "a/sp ace.py"
+++ /dev/null
@@ -1,2 +0,0 @@
-a
-t = '{AWS}'
diff --git a/w.bin b/w.bin
GIT binary patch
literal 10
R{AWS}

""".encode()
    hits = [(hit.path, hit.line, hit.kind) for hit in redact.in_patch(patch)]
    assert hits == [("x.py", 12, "an AWS key"), ("sp ace.py", 2, "an AWS key")]


def test_a_hit_in_the_name_of_a_file_has_no_line() -> None:
    patch = f"diff --git a/{AWS}.txt b/{AWS}.txt\n--- /dev/null\n+++ b/{AWS}.txt\n@@ -0,0 +1 @@\n+one\n".encode()
    assert [(hit.path, hit.line) for hit in redact.in_patch(patch)] == [(f"{AWS}.txt", 0)]
