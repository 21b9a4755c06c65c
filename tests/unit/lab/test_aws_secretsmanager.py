# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab mends in the emulator's Secrets Manager, with and without the patches."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import botocore.exceptions
import pytest

LAB = Path(__file__).resolve().parents[2] / "lab"
READ_WHILE_IT_MOVES = """
import sys, threading, time
sys.path.insert(0, sys.argv[1])
from aws_patches import mend
from moto.secretsmanager.models import secretsmanager_backends

class Slow(list):
    def remove(self, stage):
        super().remove(stage)
        time.sleep(0.5)

mend([sys.argv[2]])
store, tokens = secretsmanager_backends["123456789012"]["eu-central-1"], ["1" * 32, "2" * 32]
rest = dict.fromkeys(("secret_binary", "description", "kms_key_id"))
rest.update(tags=[], replica_regions=[], force_overwrite=False)
store.create_secret(name="a", secret_string="one", client_request_token=tokens[0], **rest)
store.put_secret_value("a", "two", None, tokens[1], ["draft"])
versions = store.secrets["a"].versions
versions[tokens[0]]["version_stages"] = Slow(versions[tokens[0]]["version_stages"])
move = threading.Thread(target=store.update_secret_version_stage, args=("a", "AWSCURRENT", tokens[0], tokens[1]))
move.start()
time.sleep(0.1)
try:
    print(store.get_secret_value("a", None, "AWSCURRENT")["SecretString"])
except Exception as error:
    print(type(error).__name__)
move.join()
"""


@pytest.mark.parametrize(("left_out", "read"), [("nothing", "two"), ("secret_one_at_a_time", "SecretNotFoundException")])
def test_a_stage_is_never_nowhere_while_it_moves(left_out, read):
    words = [sys.executable, "-c", READ_WHILE_IT_MOVES, str(LAB), left_out]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, timeout=120)
    assert done.stdout.strip() == read


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
