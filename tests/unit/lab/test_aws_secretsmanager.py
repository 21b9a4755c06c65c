# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab mends in the emulator's Secrets Manager, with and without the patches."""

from __future__ import annotations

import botocore.exceptions


def test_a_value_is_at_most_64_kib_and_the_stage_decides_what_is_read(lab):
    server, mended = lab
    server.reset()
    client = server.client("secretsmanager")
    tokens = ["1" * 32, "2" * 32]
    client.create_secret(Name="a", ClientRequestToken=tokens[0], SecretString="one")
    client.put_secret_value(SecretId="a", ClientRequestToken=tokens[1], SecretString="two", VersionStages=["draft"])
    move = {"SecretId": "a", "VersionStage": "AWSCURRENT", "MoveToVersionId": tokens[1]}
    client.update_secret_version_stage(**move, RemoveFromVersionId=tokens[0])
    assert (client.batch_get_secret_value(SecretIdList=["a"])["SecretValues"][0]["SecretString"] == "two") is mended
    assert client.get_secret_value(SecretId="a", VersionStage="AWSPREVIOUS")["SecretString"] == "one"
    refused = []
    for value in ("x" * 65536, "x" * 65537):
        try:
            client.put_secret_value(SecretId="a", SecretString=value)
        except botocore.exceptions.ClientError as error:
            refused.append(error.response["Error"]["Code"])
    assert refused == (["InvalidParameterException"] if mended else [])
