#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_account
short_description: Make an account at an ACME CA, tell it a contact, and change its key
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Makes sure that the account is there, with this contact. M(certops.clm.acme_certificate) does that too. This module is for what
    has to be done without a certificate, above all a new key for the account.
  - The key is a lineage of the secret store and is never returned. A new one is durable there before the CA hears of it, and a run
    that was killed is finished by the next one.
requirements:
  - acme >= 4.0.0
  - josepy >= 2.0.0
  - requests >= 2.32.3
options:
  directory:
    description:
      - The URL of the CA's directory, V(https://acme-v02.api.letsencrypt.org/directory) for example.
    type: str
    required: true
  terms_agreed:
    description: Whether you agree to the CA's terms of service, which an account needs where the CA has some.
    type: bool
    default: false
  account:
    description: A name for the account, when more than one is used at the same CA.
    type: str
    default: default
  contact:
    description: Addresses the CA may write to. None given changes nothing.
    type: list
    elements: str
    default: []
  eab_kid:
    description: The key identifier of an external account binding, where the CA hands one out to its customers.
    type: str
  eab_key_file:
    description:
      - The file with the base64url text of the key that belongs to O(eab_kid), on one line.
      - It must not be open to others. With the action M(certops.clm.certificate) and in the playbooks it may be encrypted by ansible-vault.
    type: path
  ca_file:
    description: The file with the roots that the directory's own certificate leads to, for a private CA. By default the public ones.
    type: path
  rollover:
    description: Why the account gets a new key. Each text changes the key once, so a ticket number or a date fits.
    type: str
  secret_store:
    description: Where the account's key is kept, as with M(certops.clm.acme_certificate).
    type: dict
    required: true
extends_documentation_fragment:
  - certops.clm.attributes
seealso:
  - module: certops.clm.acme_certificate
"""

EXAMPLES = r"""
- name: A new key for the account, once a year
  certops.clm.acme_account:
    directory: https://acme-v02.api.letsencrypt.org/directory
    terms_agreed: true
    contact: [pki@example.com]
    rollover: "2027"
    secret_store:
      type: directory
      path: /srv/pki/store
"""

RETURN = r"""
outcomes:
  description:
    - One outcome, by the name of the account. Its C(state) is V(unchanged), V(planned) in check mode, V(done) or V(failed).
    - C(before) and C(after) hold C(account), the URL of the account, C(contact), C(lineage), C(version), C(spki_sha256) of its key, and
      C(rollover), the reason of its last change. No key is ever returned.
  type: dict
  returned: always
"""

import time
from typing import Any, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils.edge import provider_options, run, utc_now
from ansible_collections.certops.clm.plugins.module_utils.flows.leasing import telling
from ansible_collections.certops.clm.plugins.module_utils.issuers._acme_setup import OPTIONS, converge
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _index as secret_stores


def main() -> None:
    """Make the account as the task wants it."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    pause = telling(module.warn, time.sleep)

    def work(params: Mapping[str, Any], check_mode: bool) -> Any:
        given = params["secret_store"]
        store = secret_stores.create(given["type"], provider_options(secret_stores, given, "secret_store"), utc_now)
        return converge(params, store, utc_now, check_mode, pause)

    run(module, work)


if __name__ == "__main__":
    main()
