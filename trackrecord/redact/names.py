"""PURE: what a name promises, and whether what stands under it looks like a secret: long, and drawn by lot."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import cache
from itertools import pairwise

_SECRET = frozenset(
    """
token secret secrets password passwords passwd passphrase passcode pwd apikey apikeys apitoken authtoken accesstoken
accesskey secretkey privatekey authkey credential credentials creds auth authorization bearer jwt
""".split()  # noqa: SIM905 - a list would be a page of quotes
)
_KEYS_OF = frozenset(
    """
api access secret private ssh account storage signing encryption service deploy app application client consumer auth
master license shared hmac subscription admin webhook write ingest personal wandb openai anthropic gemini mistral
cohere groq pinecone comet neptune datadog dd linear replicate together perplexity xai deepseek telegram twilio
stripe sendgrid mailgun notion algolia heroku cloudflare grafana sentry newrelic relic langsmith aws azure gcp
github gitlab vault hf snyk postman kaggle clearml mlflow databricks modal openrouter nvidia voyage jina
""".split()  # noqa: SIM905 - a list would be a page of quotes
)
_PASSES_OF = frozenset(("", "db", "user", "smtp", "mail", "git", "ftp", "http", "proxy", "admin", "root"))
# A token of a text, and what is said about one.
_TOKEN_OF = frozenset(
    """
pad eos bos unk sep cls mask special start end stop image audio video decoder prefix suffix extra blank no per
newline next last first think control forced
""".split()  # noqa: SIM905 - a list would be a page of quotes
)
_OF_TOKEN = frozenset(
    """
type types ids count counts limit limits length lengths len dropout level embedding embeddings classification budget
mask weight weights loss accuracy merging pooling size usage per
""".split()  # noqa: SIM905 - a list would be a page of quotes
)
_ABOUT = frozenset(
    """
path file dir folder index name length format field column ttl expiry expires timeout
""".split()  # noqa: SIM905 - a list would be a page of quotes
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
TAKEN_OUT = re.compile(r"\[redacted: [^\[\]]{0,300}\]|\[redacted\]")  # its words are ours, not the name's

# What people write where a secret would stand.
_HARMLESS = (
    r"(?i)true|false|none|null|nil|yes|no|on|off|-?[0-9]{1,5}|-?[0-9]{0,9}\.[0-9]{0,9}(?:e[+-]?[0-9]{1,3})?"
    r"|[0-9]{1,3}e[+-]?[0-9]{1,3}|<[^<>]{0,80}>|\$\{[^{}]{0,100}\}|\$\([^()]{0,100}\)|\{\{[^{}]{0,100}\}\}|\*{1,40}"
    r"|[a-z_-]{0,12}\.{3}|…|x{3,80}|(?-i:\$[A-Z_][A-Z0-9_]{0,60})|(?:os\.)?(?:environ|getenv)\b[^\n]{0,100}|getpass(?:\.getpass)?\([^()]{0,100}\)"
)
_PASSWORD = frozenset(("password", "passwords", "passwd", "passphrase", "passcode", "pwd"))


def smells(name: str) -> bool:
    """Whether a name promises a secret: `api_key`, `HF_TOKEN`, `dbPassword`; not `max_tokens`, `pad_token`."""
    words = _words(name)
    if (words and words[-1] in _ABOUT) or ("public", "key") in pairwise(words):
        return False
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        if word in _SECRET and not (word == "token" and (before in _TOKEN_OF or after in _OF_TOKEN)):
            return True
        if word in {"key", "keys"} and before in _KEYS_OF:
            return True
        if word == "tokens" and before in {"api", "auth", "access"}:
            return True
        if word == "pass" and before in _PASSES_OF:
            return True
        if word == "pat" and before in {"github", "gitlab", "azure", "ext", "databricks", "gh", "git"}:
            return True
    return False


def a_password(name: str) -> bool:
    """Whether the name says that people choose it: short, and not quite drawn by lot."""
    return not _PASSWORD.isdisjoint(_words(name))


def bare(name: str) -> bool:
    """One word that also means other things."""
    return len(_words(name)) == 1 and not a_password(name)


def no_secret(value: str) -> bool:
    """A switch, a number, a placeholder, or where a secret is read from."""
    return _no_secret().fullmatch(value.strip("\"'")) is not None


@cache
def _no_secret() -> re.Pattern[str]:
    return re.compile(_HARMLESS)


def marker(name: str) -> str:
    """What stands in the place of a secret: `[redacted: api_key]`."""
    return f"[redacted: {name.replace('[', '(').replace(']', ')')[:200]}]"


def drawn_by_lot(value: str, long: int) -> bool:
    """Whether a literal looks random: long, letters and digits, many different ones; not words, not a placeholder."""
    if len(value) < long or any(sign in value for sign in "{}<>$*()") or "EXAMPLE" in value:
        return False
    letters = any(sign.isalpha() for sign in value)
    digits = any(sign.isdigit() for sign in value)
    both_cases = len(value) >= 16 and value.lower() != value and value.upper() != value
    if not (letters and (digits or both_cases)):
        return False
    counts = Counter(value)
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
    return bits >= (2.2 if long < 10 else 2.8) and not of_words(value)


_BETWEEN = re.compile(r"[-_./: ]+")
_WORDY = re.compile(r"[A-Za-z]{1,60}[0-9]{0,4}|[0-9]{1,4}|[A-Za-z]{2,8}[0-9]{1,2}[A-Za-z]{2,16}|v[0-9]{1,3}[a-z]?")


def of_words(value: str) -> bool:
    """Words and small numbers with signs between: `your-api-key-2`, `self.config.key2`, `word2vec`."""
    for piece in filter(None, _BETWEEN.split(value)):
        camel = _WORDS.findall(piece)
        if not _WORDY.fullmatch(piece) or (len(camel) > 2 and len(piece) < 3 * len(camel)):
            return False
    return bool(_BETWEEN.search(value)) or not any(sign.isdigit() for sign in value) or len(value) < 10


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(TAKEN_OUT.sub(" ", name))]
