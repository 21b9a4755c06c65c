# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One served place of the emulator for each target of AWS, as its deployment module takes it, for tables over all modules. Tier B."""

from __future__ import annotations

import random
import socket
from typing import Any, Dict

from .aws import Aws

NAME = "facade.lab.example"


def places(aws: Aws) -> Dict[str, Dict[str, Any]]:
    """By target its place with endpoints; each begins with a certificate of the lab's own CA."""
    arn, _issued = aws.hold(NAME)
    kept, _issued = aws.hold(NAME)
    listener = aws.listener("every-module", arn)
    return {
        "aws_elbv2_listener": {"listener_arn": listener, "endpoints": [_served(aws, listener)]},
        "aws_acm": {"certificate_arn": kept, "endpoints": [_served(aws, kept)], "allow_no_rollback": True},
    }


def _served(aws: Aws, place: str) -> Dict[str, Any]:
    """The endpoint of a place that serves from now on."""
    address = f"127.{random.randint(32, 250)}.{random.randint(0, 255)}.1"
    with socket.socket() as free:
        free.bind((address, 0))
        port = int(free.getsockname()[1])
    aws.front({"place": place, "port": port, "addresses": [{"address": address}]})
    return {"host": address, "port": port, "server_name": NAME}
