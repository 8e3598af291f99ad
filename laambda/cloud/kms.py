"""The vault on AWS KMS: each data key is made and unwrapped by KMS, which sees the context and can audit it.

GenerateDataKey and Decrypt with an encryption context:
https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from laambda.cloud import envelope
from laambda.cloud.envelope import Envelope
from laambda.errors import PlatformError, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

_KIND = b"K"
_TRANSIENT = frozenset(
    {"ThrottlingException", "KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException"}
)
_REMEMBERED = 256


class KmsVault:
    """Seals with data keys of the KMS key ``key_id`` (id, ARN or alias). Safe for many threads.

    A bag is sealed once and opened often, by each deploy and each look: the last 256 opened data keys stay in memory.
    """

    def __init__(self, client: Callable[[], KMSClient], key_id: str) -> None:
        self._make_client = client
        self._key_id = key_id
        self._opened: OrderedDict[tuple[bytes, bytes], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def seal(self, plain: bytes, context: Mapping[str, str]) -> bytes:
        try:
            made = self._client.generate_data_key(
                KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=dict(context)
            )
        except (ClientError, BotoCoreError) as error:
            raise _refusal("give a data key", error) from error
        return envelope.seal(_KIND, made["Plaintext"], made["CiphertextBlob"], plain, context)

    def open(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
        bag = Envelope.parse(sealed, _KIND)
        return envelope.unseal(bag, self._data_key(bag.wrapped_key, context), context)

    def _data_key(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Remembered under the context too, so that a wrong one is refused by KMS itself."""
        name = (wrapped, envelope.canonical(context))
        with self._lock:
            if name in self._opened:
                self._opened.move_to_end(name)
                return self._opened[name]
        key = self._decrypt(wrapped, context)
        with self._lock:
            self._opened[name] = key
            while len(self._opened) > _REMEMBERED:
                self._opened.popitem(last=False)
        return key

    def _decrypt(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        try:
            return self._client.decrypt(CiphertextBlob=wrapped, EncryptionContext=dict(context))["Plaintext"]
        except (ClientError, BotoCoreError) as error:
            raise _refusal("open a data key", error) from error

    @cached_property
    def _client(self) -> KMSClient:
        return self._make_client()


def _refusal(act: str, error: ClientError | BotoCoreError) -> PlatformError:
    """Our words, with the code that KMS gave and nothing of what it was asked."""
    if not isinstance(error, ClientError):
        return Unavailable(f"KMS did not {act}: {type(error).__name__}")
    code = error.response.get("Error", {}).get("Code", "unknown error")
    kind = Unavailable if code in _TRANSIENT else PlatformError
    return kind(f"KMS did not {act}: {code}", hint="Check LAAMBDA_KMS_KEY and the farm's permissions on it")
