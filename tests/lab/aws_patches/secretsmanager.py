# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets Manager: values of at most 64 KiB, AWSCURRENT as the value that is read, and one call after the other."""

from __future__ import annotations

import base64
from functools import wraps
from threading import RLock
from typing import Any

from moto.secretsmanager.exceptions import InvalidParameterException
from moto.secretsmanager.models import SecretsManagerBackend

from aws_patches import patch

LARGEST = 65536
LOCK = RLock()


@patch
def secret_size() -> None:
    """A value of more than 65,536 bytes is refused.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
    """
    for name in ("create_secret", "put_secret_value"):
        setattr(SecretsManagerBackend, name, _limited(getattr(SecretsManagerBackend, name)))


def _limited(act: Any) -> Any:
    @wraps(act)
    def limited(self: Any, *args: Any, **named: Any) -> Any:
        binary, text = named.get("secret_binary"), named.get("secret_string")
        if len(base64.b64decode(binary) if binary else (text or "").encode()) > LARGEST:
            raise InvalidParameterException("1 validation error detected: the value is longer than 65536 bytes")
        return act(self, *args, **named)

    return limited


@patch
def secret_current() -> None:
    """Who asks for no version gets the one with the stage AWSCURRENT, also in a batch, and after the stage was moved.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html and API_UpdateSecretVersionStage.html
    """
    before = SecretsManagerBackend.get_secret_value

    def get_secret_value(self: Any, secret_id: str, version_id: str, version_stage: str) -> Any:
        return before(self, secret_id, version_id, version_stage if version_id or version_stage else "AWSCURRENT")

    SecretsManagerBackend.get_secret_value = get_secret_value


@patch
def secret_one_at_a_time() -> None:
    """A stage is moved by one of two callers that move it from the same version, and whoever reads meanwhile finds it at one of them.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html (RemoveFromVersionId)
    """
    for name in ("create_secret", "put_secret_value", "update_secret_version_stage", "get_secret_value", "delete_secret", "list_secrets"):
        setattr(SecretsManagerBackend, name, _alone(getattr(SecretsManagerBackend, name)))


def _alone(act: Any) -> Any:
    @wraps(act)
    def alone(self: Any, *args: Any, **named: Any) -> Any:
        with LOCK:
            return act(self, *args, **named)

    return alone
