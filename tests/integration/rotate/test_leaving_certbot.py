# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide "Leaving certbot", command by command: a real certbot's folder that nginx serves from, through SSH, with Pebble as the CA."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign
from ansible_collections.certops.clm.tests.integration.rotate.runbook import Page, with_inventories
from ansible_collections.certops.clm.tests.lab.certbot import FOLDER, Certbot
from ansible_collections.certops.clm.tests.lab.host import wait_for
from ansible_collections.certops.clm.tests.lab.pebble import pebble

BLOG, SHOP, HOOKED = "blog.lab.example", "shop.lab.example", "hooked.lab.example"


@pytest.fixture
def ca(tmp_path):
    with pebble(tmp_path / "pebble", PEBBLE_WFE_NONCEREJECT=0) as running:  # certbot gives up after two
        yield running


@pytest.fixture
def certbot(lab, ca):
    """Three lineages: two that nginx of web1 reads, and one that nothing reads, with a hook and a plugin's setting."""
    made = Certbot(lab.hosts["web1"], ca)
    made.certonly(BLOG, key_type="ecdsa")
    made.certonly(SHOP, "www.shop.lab.example", key_type="rsa", rsa_key_size="2048", reuse_key="")
    made.certonly(HOOKED, deploy_hook="true secret-word")
    settings = made.folder / "renewal" / f"{HOOKED}.conf"
    settings.write_text(settings.read_text() + "dns_other_api_key = secret-word\n")
    served_by(lab, BLOG, SHOP)
    return made


def served_by(lab, *names):
    """nginx reads certbot's files from now on."""
    server, host = lab.servers["web1"], lab.hosts["web1"]
    text = host.real("/etc/nginx/nginx.conf").read_text()
    for site, name in zip(("blog", "shop"), names):
        live = host.path(f"{FOLDER}/live/{name}")
        text = text.replace(host.path(f"/etc/nginx/tls/{site}.pem"), f"{live}/fullchain.pem")
        text = text.replace(host.path(f"/etc/nginx/tls/{site}.key"), f"{live}/privkey.pem")
    host.write("/etc/nginx/nginx.conf", text)
    before = lab.served("web1", "blog", verify=False)
    server.reload()
    # For a moment the workers of before answer too.
    wait_for(lambda: all(lab.served("web1", "blog", verify=False) != before for _ in range(10)), "nginx to serve certbot's certificate")


def keys_of(certbot):
    """The base64 of every private key that certbot has, in lines as they stand there, and of each account the secret number."""
    lines = [path.read_text().splitlines()[2] for path in (certbot.folder / "archive").rglob("privkey*.pem")]
    return lines + [json.loads(path.read_text())["d"] for path in (certbot.folder / "accounts").rglob("private_key.json")]


def review(place, *names):
    text = (place / "proposed.yml").read_text()
    head, *entries = text.split("reviewed: false")
    ours = [any(part.rstrip().endswith(f"\n  {name}:") for name in names) for part in (head, *entries)]
    (place / "proposed.yml").write_text(head + "".join(f"reviewed: {str(mine).lower()}{part}" for mine, part in zip(ours, entries)))


def test_the_guide_from_the_first_look_to_our_own_certificate(lab, ansible, tmp_path, ca, certbot):
    campaign = with_inventories(Campaign(lab, ansible, tmp_path, []))
    campaign.manifest["include"] = ["adopted.yml"]
    campaign.manifest["client_classes"]["web"] = {"anchors": str(ca.root_file)}
    campaign.manifest["defaults"].update(consumers=["web"], take_over=False)
    campaign.write()
    page = Page("guide_certbot", campaign, "web1", "blog")
    before, kept = snapshot(certbot), lab.served("web1", "blog", verify=False)
    secrets = keys_of(certbot)

    planned = page.run("Look")
    assert "REVIEW" in planned and not (tmp_path / "proposed.yml").exists() and not (tmp_path / "store" / "lineages").exists()
    said = page.run("Review")
    proposed = (tmp_path / "proposed.yml").read_text()
    entries = yaml.safe_load(proposed)["lineages"]
    assert sorted(entries) == [BLOG, HOOKED, SHOP] and "secret-word" not in proposed + said + planned
    assert "certbot runs true as renew_hook" in proposed and "setting dns_other_api_key is not known" in proposed
    assert entries[BLOG]["deployments"][0]["target"]["kind"] == "nginx" and entries[HOOKED]["deployments"][0]["target"]["kind"] == "generic"
    assert entries[BLOG]["profile"] == "web" and entries[SHOP]["profile"] == "certbot-rsa-2048" and "reuse_key" in entries[SHOP]
    (issuer,) = {entry["issuer"] for entry in entries.values()}
    assert f"{issuer}:" in said and "certbot-rsa-2048:" in said and ca.directory in said

    reload = lab.servers["web1"].target(lab.site("web1", "blog"))
    told = "".join(f"\\1{line}: {json.dumps(reload[line])}\n" for line in ("check", "reload"))
    (tmp_path / "proposed.yml").write_text(re.sub(r"( +)kind: nginx\n", r"\1kind: nginx\n" + told, proposed))
    review(tmp_path, BLOG, SHOP)
    campaign.manifest["issuers"][issuer] = {**ca.issuer(), "type": "acme"}
    campaign.manifest["profiles"]["certbot-rsa-2048"] = {"key_type": "rsa-2048"}
    campaign.write()
    taken = page.run("Take it over")
    assert {name: campaign.current(name) for name in (BLOG, SHOP)} == {name: certbot_sha256(certbot, name) for name in (BLOG, SHOP)}
    assert lab.served("web1", "blog", verify=False) == kept and snapshot(certbot) == before, "nothing changed on the server"
    assert [one["state"] for name in (BLOG, SHOP) for one in campaign.versions(name)] == ["proven", "proven"]
    assert not [secret for secret in secrets if secret in taken + said + planned]
    left = [path for path in [*ansible.place.rglob("*"), *tmp_path.rglob("*")] if path.is_file() and "store" not in path.parts]
    assert not [path for path in left for secret in secrets if secret.encode() in path.read_bytes()]

    settings = {"clm_hosts": "web1", "clm_import": "accepted", "clm_accounts": True}
    again = campaign.run("import_certbot", ["--diff"], **settings).ok()
    assert again.changed() == 0
    certbot.run("renew", "--cert-name", SHOP, "--force-renewal", "--http-01-address", "127.0.0.1", "--no-random-sleep-on-renew")
    campaign.run("import_certbot", **settings).ok()
    assert campaign.current(SHOP) == certbot_sha256(certbot, SHOP) and len(campaign.versions(SHOP)) == 2

    adopted = tmp_path / "adopted.yml"
    adopted.write_text(adopted.read_text().replace(f"  {BLOG}:\n", f"  {BLOG}:\n    forced: leaving certbot\n"))
    page.run("The first renewal")
    served = lab.served("web1", "blog", verify=False)
    assert served == campaign.current(BLOG) != kept and len(campaign.versions(BLOG)) == 2
    accounts = [path.name for path in (tmp_path / "store" / "lineages").iterdir() if path.name.startswith("acme-account.")]
    assert len(accounts) == 1 and len(list((tmp_path / "store" / "lineages" / accounts[0] / "versions").glob("[!.]*"))) == 1
    assert (certbot.folder / "live" / BLOG / "fullchain.pem").is_symlink()
    campaign.run("rotate").ok()
    assert campaign.run("rotate").ok().changed() == 0
    page.ends()


def snapshot(certbot):
    """Every file and link below certbot's folder."""
    paths = sorted(certbot.folder.rglob("*"))
    return {str(path): path.readlink() if path.is_symlink() else path.read_bytes() for path in paths if path.is_symlink() or path.is_file()}


def certbot_sha256(certbot, name):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    archive = certbot.folder / "archive" / name
    newest = max(archive.glob("cert*.pem"), key=lambda path: int(path.stem[4:]))
    return x509.load_pem_x509_certificate(newest.read_bytes()).fingerprint(hashes.SHA256()).hex()
