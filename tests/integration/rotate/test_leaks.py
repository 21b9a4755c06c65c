# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole rotation under everything that makes Ansible talk: no byte of any private key is anywhere but where keys belong."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign
from ansible_collections.certops.clm.tests.support.leaks import IN_A_SITE, Place, look, needles_of, on_a_host

LOUD = {
    "pipelining": {},
    "debug": {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_DEBUG": "1"},
}


@pytest.mark.parametrize("way", sorted(LOUD))
def test_no_key_is_anywhere_but_where_keys_belong(lab, ansible, tmp_path, way):
    """One key of the store in RSA, one in EC that goes to three servers, and one that its server made."""
    campaign = Campaign(lab, ansible, tmp_path, ["shop", "edge", "api"])
    campaign.manifest["profiles"]["old"] = {"lifetime": "90d", "key_type": "rsa-2048"}
    campaign.manifest["lineages"]["edge"]["profile"] = "old"
    campaign.manifest["lineages"]["api"]["key_origin"] = "host"
    campaign.write()
    kept = {"ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "facts"), "ANSIBLE_LOG_PATH": str(tmp_path / "log")}
    loud = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", **kept, **LOUD[way]}
    args, extra = ["-vvvvv", "--diff"], campaign.settings()
    run = ansible.playbook("certops.clm.rotate", inventory=campaign.inventories, args=args, extra=extra, env=loud, timeout=200)
    assert run.rc == 0, run.output[-3000:]
    hosts = [on_a_host(lab.server(name)) for name in ("web1", "web2", "web3", "lb1", "app1")]
    needles = needles_of([tmp_path, *(host.root for host in hosts)], {"the CA's passphrase": (tmp_path / "passphrase").read_bytes()})
    seen = look(needles, [Place("site", tmp_path, IN_A_SITE), Place("ansible", ansible.place), *hosts], {"output": run.output.encode()})
    assert not seen.leaks, sorted(seen.leaks)
    belong = {f"{host.name}{path}" for host in hosts for path in [lab.server(host.name).key_file(lab.site(host.name))]}
    assert belong <= set(seen.holders), "every key was found where it belongs, the one that was made there too"
    assert sum(one.startswith("site/store/lineages/") for one in seen.holders) == 2
    for host in hosts:
        staged = host.root / "var/lib/certops-clm/staged"
        assert staged.is_dir() and not list(staged.iterdir()), "a key that was handed over is still on its way"
    assert ({"server_deployment", "server_certificates_info"} <= seen.modules) == (way != "pipelining"), "kept files were there to be read"
