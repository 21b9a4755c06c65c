#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issues certificates from any issuer. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate
short_description: Issue and renew certificates from any issuer
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Makes sure that each lineage has a current certificate with the names and the profile that are wanted, for many at once.
  - Issues one only for a reason, such as a missing or expiring certificate, changed names, or another issuer. The reason is in the
    outcome.
  - Runs on the controller. The issuer is data, so a campaign changes its CA by changing O(issuer).
options:
  issuer:
    description:
      - The issuer. Its C(type) is V(local_ca) or another issuer of this collection, and the other keys are that issuer's own
        options, as documented with the module of its name, for example M(certops.clm.local_ca_certificate).
      - Defaults that C(module_defaults) sets for the issuer's module do not come here.
    type: dict
    required: true
extends_documentation_fragment:
  - certops.clm.attributes
  - certops.clm.attributes.clm_issue
  - certops.clm.issue
  - certops.clm.ledger
seealso:
  - module: certops.clm.local_ca
  - module: certops.clm.local_ca_certificate
"""

EXAMPLES = r"""
- name: Two certificates from a local CA
  certops.clm.certificate:
    issuer:
      type: local_ca
      path: /srv/pki/ca
      passphrase_file: /srv/pki/passphrase
    secret_store:
      type: directory
      path: /srv/pki/store
    ledger:
      path: /srv/pki/ledger
    profiles:
      web:
        lifetime: 47d
        policies: [cabf]
    certificates:
      - lineage: shop
        names: [shop.example.com, www.shop.example.com]
        profile: web
        owner: team-shop
      - lineage: api
        names: [api.example.com]
        profile: web
"""

RETURN = r"""
outcomes:
  description:
    - One outcome for each certificate, by its id. Also there when the task fails.
    - Each is a dict of C(state), C(step), C(reason), C(before), C(after), C(message), C(next_action) and C(runbook_page).
    - The C(state) is V(unchanged), V(planned) in check mode, V(done), V(pending), V(deferred) or V(failed).
    - A certificate is V(deferred) when the CA limits its rate and what is kept lives long enough to wait; run again at C(after.ask_again).
      Before that the CA is not asked, unless there is no time left to wait, or the certificate is revoked or compromised.
      What waits for an approval is V(pending) in the run that asks, V(unchanged) in later ones, and V(failed) once what is kept lives
      no longer than 12 hours or a quarter of its life. Where nothing is kept, only the run that asks is not V(failed).
    - C(before) and C(after) hold C(version), C(sha256), C(spki_sha256), C(not_before), C(not_after), C(names), C(issuer) and
      C(request_id). No key is ever returned.
  type: dict
  returned: always
  sample:
    shop:
      state: done
      step: issue
      reason: {word: missing, sentence: shop has no certificate yet}
      before: {}
      after:
        version: 000001-3f2a9c10
        sha256: 5b0c1f0e9f6f7a0a3f0d9d1a6a0f4b4a2a1e6e4e7c3f1f0b8e8d7c6b5a493827
        spki_sha256: 0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0
        not_before: "2026-11-23T09:55:00Z"
        not_after: "2027-02-21T09:54:59Z"
        names: [shop.example.com]
        issuer: local_ca:9d1a6a0f4b4a2a1e6e4e7c3f1f0b8e8d7c6b5a4938275b0c1f0e9f6f7a0a3f0d
        request_id: shop/000001-3f2a9c10
      message: ""
      next_action: ""
publish:
  description:
    - The proofs to publish before this is called again with O(published). Each is a dict of C(host), C(root) and C(files) for
      M(certops.clm.http_01_webroot).
  type: list
  elements: dict
  returned: when a CA waits for proofs on web servers, or a run that was killed may have left some
  sample:
    - host: web1
      root: /var/www/html
      files: {qdX9sNZ3DIx4pTTrGqXA1w: qdX9sNZ3DIx4pTTrGqXA1w.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI}
withdraw:
  description: The same with all that is to be withdrawn in the end, whatever came of it.
  type: list
  elements: dict
  returned: when RV(publish) is
checkpoint:
  description:
    - The signed checkpoint that ended the run. Its C(origin) is the name of the chain, and C(size) and C(root) say how many lines it
      has and the root over them. C(vkey) is the public key that signs it, C(file) where it was written, and C(new) whether it was
      not there before.
  type: dict
  returned: when O(ledger.checkpoints) is set and it was sent
merged:
  description: How many events that were recorded under O(ledger.break_glass) were taken into the ledger now.
  type: int
  returned: when there were any
"""
