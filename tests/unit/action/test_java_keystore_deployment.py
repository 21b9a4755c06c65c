# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A keystore in the module's words is the deployment that server_deployment takes, or it is refused by its field."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.action.java_keystore_deployment import deployment
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.targets._server_where import place_of

WHOLE = {
    "id": "shop", "path": "/etc/a.jks", "format": "jks", "alias": "a", "password_file": "/etc/p", "former_password_file": "/etc/q",
    "owner": "tomcat", "group": "tomcat", "mode": "0640", "check": ["true"], "reload": {"systemd": "tomcat10"},
    "endpoints": [{"host": "h", "port": 8443}], "key_origin": "host", "dead": ["ab"], "slot": "rsa", "allow_no_rollback": True,
}  # fmt: skip


def test_everything_that_is_said_arrives():
    where = deployment(WHOLE, "keystores[0]")
    place = place_of(where)
    assert (place.layout, dict(place.files), place.key_mode, place.slot) == ("jks", {"certificate": "/etc/a.jks"}, 0o640, "rsa")
    assert (place.keystore.alias, place.keystore.password_file, place.keystore.former_password_file) == ("a", "/etc/p", "/etc/q")
    assert (place.program.check, place.program.how, place.owner) == (("true",), "systemd", "tomcat")
    assert (where["key_origin"], where["dead"], where["allow_no_rollback"]) == ("host", ["ab"], True)


def test_what_is_not_said_is_the_default():
    where = deployment({name: WHOLE[name] for name in ("id", "path", "password_file", "reload", "endpoints")}, "k")
    place = place_of(where)
    assert (place.layout, place.keystore.alias, place.key_mode, "key_origin" in where) == ("pkcs12", "", None, False)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        *(({name: None}, f"k.{name}") for name in ("id", "path", "password_file", "reload", "endpoints")),
        ({"format": "bks"}, "k.format"),
        ({"password": "never here"}, "k"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(change, field):
    with pytest.raises(ConfigError) as caught:
        deployment({**WHOLE, **change}, "k")
    assert caught.value.field == field and "never here" not in str(caught.value)
    with pytest.raises(ConfigError):
        deployment("shop", "k")
