"""PURE: run ids that sort by time and are made without asking anybody, and names that people can say."""

from __future__ import annotations

import hashlib

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U

_ADJECTIVES = """
able agile amber apt avid bold brave breezy bright brisk calm candid cheery chief civil clear clever cosmic crisp
curious dapper daring deft eager early easy elated fair fancy fearless fine fleet fond frank fresh gentle giant glad
golden grand great green happy hardy hasty honest humble icy jolly jovial keen kind lively loyal lucid lucky lunar
mellow merry mighty modest neat nimble noble novel patient plucky polite proud quick quiet rapid ready robust rosy
royal rustic sage sharp shiny silent silver sincere sleek smart snowy solar solid spry steady stellar sturdy sunny
super sure swift tidy tough true vivid warm wise witty young zesty
""".split()  # noqa: SIM905 - a list would be four hundred lines

_ANIMALS = """
ant ape badger bat bear beaver bee bison boar bobcat camel cat cheetah cobra condor coral cougar coyote crab crane
cricket crow deer dingo dolphin donkey dove dragonfly duck eagle eel egret elk falcon ferret finch fox frog gazelle
gecko gibbon giraffe goat goose gopher gull hare hawk hedgehog heron hippo horse ibex ibis iguana impala jackal
jaguar jay kestrel kiwi koala lark lemur leopard lion lizard llama lobster lynx magpie marmot marten mole moose moth
newt ocelot octopus orca oryx osprey otter owl panda panther parrot pelican penguin pigeon pony puffin puma quail
rabbit raccoon raven robin salmon seal shark shrew skunk sloth sparrow spider squid stork swan tapir tiger toad
toucan trout turtle viper walrus weasel whale wolf wombat wren yak zebra
""".split()  # noqa: SIM905 - a list would be four hundred lines


def run_id(now_ms: int, entropy: bytes) -> str:
    """A ULID: 48 bits of milliseconds since 1970 and 80 random bits (`entropy`, 10 bytes), as 26 characters."""
    number = (now_ms & (1 << 48) - 1) << 80 | int.from_bytes(entropy[:10], "big")
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def name_of(run_id: str) -> str:
    """The name of a run, always the same for the same id: `brave-otter-42`."""
    number = int.from_bytes(hashlib.sha256(run_id.encode()).digest()[:8], "big")
    number, tail = divmod(number, 99)
    number, animal = divmod(number, len(_ANIMALS))
    return f"{_ADJECTIVES[number % len(_ADJECTIVES)]}-{_ANIMALS[animal]}-{tail + 1}"


def file_name(name: str, run_id: str) -> str:
    """A run's name as the beginning of file names on any system: letters, digits, dots, dashes and underscores."""
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "-" for sign in name)
    return plain.strip(".-")[:80] or run_id
