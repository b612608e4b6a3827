"""PURE: reads a sentence of a chat and says whether somebody reports their own accuracy in percent, and which.

A simple, precise rule: it would rather miss a claim than answer one that is none. Silent on questions, targets,
hopes, negations, other people's numbers, quotes and code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

_LONGEST = 4_000  # characters of a message that are read
_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_SPOKEN = re.compile(r'"[^"\n]*"|“[^”\n]*”|~[^~\n]*~')
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+|;\s+")
_PERCENT = re.compile(
    r"(?<![\w.,+\-±])(\d{1,3}(?:[.,]\d{1,4})?)\s*(?:%|％|percent\b|pct\b)(?!\s*(?:of|off|more|less)\b)", re.I
)
_NUMBER = re.compile(r"(?<![\w.,+\-])(\d{1,3}(?:[.,]\d{1,6})?|[.,]\d{1,6})(?![\w]|[.,]\d)")


def _any_of(*patterns: str) -> re.Pattern[str]:
    words = (word for pattern in patterns for word in pattern.split("|"))
    return re.compile(rf"\b(?:{'|'.join(words)})\b", re.I)


_MINE = _any_of("i|i've|ive|we|we've|my|our|mine|ours")
_ACHIEVED = _any_of(
    "got|gets?|getting|reached|reaches|hits?|achieved|scored|scores|has|have|is|at|with|trained|now|best",
    "gave|gives|finished|landed|managed",
)
_QUALITY = _any_of("accuracy|acc|top-?1")
_RESULT = _any_of("model|run|result|best|score|classifier|network|net|baseline|checkpoint")
_NOT_NOW = _any_of(
    "target|goal|aim|aiming|hope|hoping|wants?|wanted|needs?|should|would|could|might|may|maybe|will|if|unless",
    "expect|expected|expecting|plan|planned|planning|try|trying|tried to|bet|wish|until|before|would've|i'll|we'll",
    "let's|gonna|going to|supposed|imagine|suppose|almost|nearly|not|never|no|can't|cannot|couldn't|didn't|doesn't",
    "don't|isn't|wasn't|haven't|hasn't|won't|without|nowhere|fails? to|failed to|close to|lol|haha|kidding|jk",
)
_THEIRS = _any_of(
    "papers?|they|their|them|he|she|his|her|authors?|et al|arxiv|leaderboard|sota|state of the art|readme|reported",
    "reports|published|claims?|claimed|vendor|blog|benchmark|literature|reviewers?|you|your",
)
_OTHER_MEASURE = _any_of(
    "error|loss|f1|auc|auroc|recall|precision|iou|miou|map|bleu|rouge|wer|cer|dice|top-?5|train acc|train accuracy",
    r"training acc|training accuracy|train set|training set|gpu|cpu|ram|memory|disk|util\w*|coverage|dropout|warm-?up",
    r"done|complete|progress|battery|cache|faster|slower|speed\w*|cheaper|cost|sure|confident|confidence|sparsity",
    r"pruned|through|discount|budget|agree|votes?|points?|better|worse|improve\w*|gain\w*|drop\w*|up by|down by",
    "of the data|of the time|of the samples|of the rows|of the files|of the images|of the runs",
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A reported accuracy in percent: 93.4 with one decimal stands for everything that rounds to it."""

    value: Decimal
    decimals: int

    @property
    def shown(self) -> str:
        return f"{self.value} %"

    @property
    def bounds(self) -> tuple[float, float]:
        """[low, high) as fractions: 93.4 % is [0.9335, 0.9345)."""
        half = Decimal(5).scaleb(-self.decimals - 1)
        return float((self.value - half) / 100), float((self.value + half) / 100)


def read(text: str) -> Claim | None:
    """The claim that a message makes; None where it makes none, or more than one value could be meant."""
    if len(text) > _LONGEST:
        return None
    found = [claim for sentence in _sentences(text) if (claim := _claim_in(sentence))]
    return found[0] if len({claim.value for claim in found}) == 1 else None


def number_in(text: str) -> Claim | None:
    """The first accuracy written in a text that is a claim by its own word: `93.4 %`, `93.4`, `0.934`."""
    text = text[:_LONGEST]
    percent = _PERCENT.search(text)
    if percent:
        return _claim(percent.group(1))
    number = _NUMBER.search(text)
    if not number:
        return None
    claim = _claim(number.group(1))
    if claim and claim.value <= 1 and claim.decimals:  # 0.934 is a fraction
        return Claim(claim.value.scaleb(2), max(0, claim.decimals - 2))
    return claim


def _sentences(text: str) -> list[str]:
    text = _FENCED.sub("\n", text)
    lines = [line for line in text.split("\n") if not line.lstrip().startswith((">", "＞"))]
    unquoted = _SPOKEN.sub(" … ", "\n".join(lines).replace("’", "'"))
    return [sentence for sentence in _SENTENCE.split(unquoted) if sentence.strip()]


def _claim_in(sentence: str) -> Claim | None:
    bare = sentence.replace("`", "")
    numbers = _PERCENT.findall(bare)
    if len(numbers) != 1 or _code_around(sentence, numbers[0]):
        return None
    if "?" in bare or _NOT_NOW.search(bare) or _THEIRS.search(bare) or _OTHER_MEASURE.search(bare):
        return None
    if not _MINE.search(bare) or not (_QUALITY.search(bare) or _RESULT.search(bare)):
        return None
    claim = _claim(numbers[0]) if _ACHIEVED.search(bare) else None
    return claim if claim and claim.value < 100 else None  # "100 %" in a chat is a joke or a manner of speaking


def _code_around(sentence: str, number: str) -> bool:
    return any(number in code for code in re.findall(r"`[^`]*`", sentence))


def _claim(number: str) -> Claim | None:
    value = Decimal("0" + number.replace(",", ".") if number[0] in ".," else number.replace(",", "."))
    decimals = -int(value.as_tuple().exponent)
    return Claim(value, decimals) if 0 < value <= 100 else None
