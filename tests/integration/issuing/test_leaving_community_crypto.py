# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide "Leaving community.crypto": its four playbooks as they stand, and what it says of their differences."""

from __future__ import annotations

import functools
import http.server
import re
import subprocess
import textwrap
import threading

import pytest
from cryptography import x509

from ansible_collections.certops.clm.tests.integration.rotate.runbook import DOCS, UNDERLINE
from ansible_collections.certops.clm.tests.lab.pebble import HOME, PROFILES, pebble
from ansible_collections.certops.clm.tests.support.environment import venv

BLOCK = re.compile(r"^\.\. code-block:: yaml\n\n((?:  [^\n]*\n|\n)+)", re.M)
KEPT = {  # what a test keeps may end with it
    "path: /srv/pki/store}": "path: /srv/pki/store, allow_ephemeral: true}",
    "path: /srv/pki/ledger}": "path: /srv/pki/ledger, allow_ephemeral: true}",
    "'path': '/srv/pki/store'}": "'path': '/srv/pki/store', 'allow_ephemeral': true}",
}


def playbooks(section):
    """(theirs, ours) of a section of the guide."""
    parts = UNDERLINE.split((DOCS / "guide_community_crypto.rst").read_text())[1:]
    theirs, ours = BLOCK.findall(dict(zip(parts[::2], parts[1::2]))[section])
    return textwrap.dedent(theirs), textwrap.dedent(ours)


class Desk:
    """A folder in place of the guide's, and both collections in it."""

    def __init__(self, ansible, place):
        self.ansible, self.place = ansible, place
        for name in ("pki", "www/.well-known/acme-challenge", "new", "home"):
            (place / name).mkdir(parents=True)
        (place / "pki" / "passphrase").write_text("horse battery staple\n")
        (place / "pki" / "passphrase").chmod(0o600)

    def here(self, text, **more):
        """The playbook with our places; `more` are further words by what they stand for."""
        for old, new in {**more.get("words", {}), **KEPT}.items():
            text = text.replace(old, new)
        for old, new in (("/etc/pki", "pki"), ("/srv/pki", "new"), ("/var/www/html", "www")):
            text = text.replace(old, str(self.place / more.get(old, new)))
        return text

    def theirs(self, text, *args):
        """The recap of their playbook, run by the ansible that brings community.crypto; (exit code, what was said)."""
        (self.place / "theirs.yml").write_text(text)
        argv = [str(venv("peers") / "ansible-playbook"), *args, "theirs.yml"]
        home = str(self.place / "home")
        env = {"ANSIBLE_HOME": home, "PATH": "/usr/bin:/bin", "HOME": home, "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8"}
        piped = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        done = subprocess.run(argv, cwd=self.place, env=env, timeout=300, check=False, **piped)
        return done.returncode, done.stdout

    def ours(self, text, *args):
        """A run of our playbook."""
        path = self.place / "ours.yml"
        path.write_text(text)
        return self.ansible.playbook(path, args=args)

    def unchanged(self, said):
        code, output = said
        return code == 0 and "changed=0 " in output


def names_in(pem):
    leaf = x509.load_pem_x509_certificate(pem)
    return sorted(leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName))


@pytest.fixture
def desk(ansible, tmp_path):
    return Desk(ansible, tmp_path)


@pytest.fixture
def web(tmp_path, desk):
    """A Pebble, and a web server that serves the folder where it asks."""
    # Asked for no profile, Pebble takes any that it has: with a short one their playbook would renew each time.
    with pebble(tmp_path / "pebble", names={"profiles": {"default": PROFILES["default"]}}) as ca:
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "www"))
        server = http.server.ThreadingHTTPServer((HOME, ca.ports["http"]), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield ca
        server.shutdown()
        server.server_close()


def test_certificates_of_an_acme_ca(desk, web, tmp_path):
    theirs, ours = playbooks("Certificates of an ACME CA")
    at = {"https://acme-v02.api.letsencrypt.org/directory": web.directory}
    old = desk.here(theirs, words={**at, "acme_version: 2\n": "acme_version: 2\n        validate_certs: false\n"})
    roots = f"terms_agreed: true\n        ca_file: {web.ca_file}\n        anchors: {web.root_file}\n"
    new = desk.here(ours, words={**at, "terms_agreed: true\n": roots})
    planned = desk.ours(new, "--check")
    assert planned.result("What is due")["outcomes"]["shop"]["state"] == "planned" and not (tmp_path / "new" / "store").exists()
    code, output = desk.theirs(old)
    assert code == 0, output
    assert desk.unchanged(desk.theirs(old))
    desk.ours(new).ok()
    assert desk.ours(new).ok().changed() == 0
    made = [names_in((tmp_path / folder / "shop.pem").read_bytes()) for folder in ("pki", "new")]
    assert made == [["shop.example.com", "www.shop.example.com"]] * 2
    assert not list((tmp_path / "www/.well-known/acme-challenge").glob("*.tmp*"))


def test_certificates_of_an_own_ca(desk, tmp_path):
    theirs, ours = playbooks("Certificates of your own CA")
    old, new = desk.here(theirs), desk.here(ours)
    code, output = desk.theirs(old)
    assert code == 0, output
    assert desk.unchanged(desk.theirs(old))
    desk.ours(new).ok()
    assert desk.ours(new).ok().changed() == 0
    chain = (tmp_path / "new/store/lineages/api/current/chain.pem").read_bytes()
    assert names_in(chain) == names_in((tmp_path / "pki" / "api.pem").read_bytes()) == ["api.example.com"]
    (tmp_path / "pki" / "api.pem").unlink()
    last = ("--start-at-task", "The certificate")
    code, output = desk.theirs(old.replace('"-1d"', '"-9d"').replace('"+90d"', '"-1d"'), *last)
    assert code == 0 and "changed=1 " in output, output
    assert desk.unchanged(desk.theirs(old, *last)), "an expired certificate is left as it is"
