"""Makes moto answer a replayed request as it did the first time: the same time, the same identifiers and keys.

While ``fixed`` is entered, what moto takes from the clock and from chance in this thread follows from two recorded
values; elsewhere both stay real.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from moto.core import utils
from moto.kms import models as kms_models
from moto.moto_api._internal import mock_random
from moto.moto_api._internal.moto_random import MotoRandom

SEED_BYTES = 32


class _Local(threading.local):
    seed: bytes | None = None
    time: float | None = None
    chance: random.Random | None = None


_local = _Local()
_system = random.SystemRandom()


class _Chance(MotoRandom):
    """moto's source of identifiers, steered by what is fixed in the calling thread."""

    def getrandbits(self, bits: int, /) -> int:
        return (_local.chance or _system).getrandbits(bits)

    def random(self) -> float:
        return (_local.chance or _system).random()


def new_seed() -> bytes:
    return secrets.token_bytes(SEED_BYTES)


@contextmanager
def fixed(seed: bytes, time: float) -> Iterator[None]:
    """Let ``seed`` decide every identifier and key, and ``time`` (seconds of the epoch) be now."""
    _local.seed, _local.time, _local.chance = seed, time, random.Random(seed)  # noqa: S311 - names, not secrets
    try:
        yield
    finally:
        _local.seed, _local.time, _local.chance = None, None, None


def install() -> None:
    """Put moto under control; call once, after the services in use are imported."""
    mock_random.__class__ = _Chance
    _replace(kms_models, "generate_master_key", _master_key)
    real: Callable[[], datetime] = utils.utcnow
    for name, module in list(sys.modules.items()):
        if name.startswith("moto.") and vars(module).get("utcnow") is real:
            _replace(module, "utcnow", _utcnow)


def _replace(module: Any, name: str, value: object) -> None:
    setattr(module, name, value)


def _utcnow() -> datetime:
    now = datetime.now(UTC) if _local.time is None else datetime.fromtimestamp(_local.time, UTC)
    return now.replace(tzinfo=None)


def _master_key() -> bytes:
    """A KMS key of 32 bytes that comes back with its seed."""
    return hmac.digest(_local.seed or new_seed(), b"kms master key", hashlib.sha256)
