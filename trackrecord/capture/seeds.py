"""Look at randomness as it is: seeds that can be observed, never set, and a state is not a seed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from trackrecord.params import leaves

Seed = int | str | bool | None
_NAMES = {"seed", "random_state", "random_seed", "manual_seed", "rng_seed", "data_seed"}
_UNSEEDED_NUMPY = 0x80000000  # the first word of a state that was drawn from the system


def look(params: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Seed]:
    """Parameters that are called a seed, PYTHONHASHSEED, and what numpy and torch tell where they are imported."""
    found: dict[str, Seed] = {
        path: value
        for path, value in leaves(params)
        if path.rpartition(".")[2].lower() in _NAMES and isinstance(value, int | str | None)
    }
    if "PYTHONHASHSEED" in environ:
        found["PYTHONHASHSEED"] = environ["PYTHONHASHSEED"][:40]
    return found | generators()


def generators() -> dict[str, Seed]:
    """The seeds and switches of the generators themselves; asked again at the end, a difference is a reseeding."""
    return _numpy(sys.modules.get("numpy")) | _torch(sys.modules.get("torch"))


def _numpy(numpy: Any) -> dict[str, Seed]:
    """The seed of numpy's old generator: readable only until 624 words were drawn, afterwards it is gone."""
    try:
        kind, key, position, *_ = numpy.random.get_state()
        fresh = kind == "MT19937" and int(position) == 624 and int(key[0]) != _UNSEEDED_NUMPY
        return {"numpy": int(key[0])} if fresh else {}
    except Exception:  # noqa: BLE001 - not imported, or half imported, or another version
        return {}


def _torch(torch: Any) -> dict[str, Seed]:
    try:
        seed = int(torch.initial_seed())
        found: dict[str, Seed] = {
            "torch": seed if seed < 2**63 else str(seed),
            "torch.deterministic_algorithms": bool(torch.are_deterministic_algorithms_enabled()),
            "torch.cudnn.deterministic": bool(torch.backends.cudnn.deterministic),
            "torch.cudnn.benchmark": bool(torch.backends.cudnn.benchmark),
        }
        if torch.cuda.is_initialized():  # asking otherwise would start CUDA
            seed = int(torch.cuda.initial_seed())
            found["torch.cuda"] = seed if seed < 2**63 else str(seed)
        return found
    except Exception:  # noqa: BLE001 - not imported, or half imported, or another version
        return {}
