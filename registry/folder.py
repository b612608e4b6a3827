"""Reads a folder of behaviours: file name = function name = the thing's name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Any


def functions_in(package: ModuleType) -> dict[str, Callable[..., Any]]:
    """Every file's function of the same name, in alphabetical order. Files that start with `_` are not behaviours.

    Raises AttributeError where a file has no function of its name: a folder that is wrong should not start.
    """
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__) if not found.name.startswith("_"))
    return {name: getattr(importlib.import_module(f"{package.__name__}.{name}"), name) for name in names}
