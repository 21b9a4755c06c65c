#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_certificate
short_description: Issue, renew and revoke certificates of any ACME CA
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Has many certificates issued at once by a CA that speaks ACME (RFC 8555), such as Let's Encrypt, or a private one.
  - The key of the account is kept as a lineage of the secret store, and is durable before the CA hears of it. So are the URL of each
    order and the key of each certificate. A run that was killed is resumed by the next one with both.
  - A CA that limits its rate is asked again when it said so. Until then the outcome is V(deferred), as long as what is kept lives
    long enough to wait.
  - A name that cannot be proven fails its own lineage alone, and the message says which name it is.
requirements:
  - acme >= 4.0.0
  - josepy >= 2.0.0
  - requests >= 2.32.3
  - dnspython >= 2.6.1 (for challenges by DNS)
  - boto3 >= 1.40 (for the challenge V(dns_01_route53))
options:
  directory:
    description:
      - The URL of the CA's directory, V(https://acme-v02.api.letsencrypt.org/directory) for example.
      - Certificates of another directory are issued anew.
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
    description: Addresses the CA may write to. A change is told to the CA with the next certificate, and none given changes nothing.
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
  anchors:
    description:
      - The file with the roots that the issued certificates must lead to, in PEM, or V(public) for the public ones.
      - What leads elsewhere, as the certificates of a staging CA do, is refused before anything is deployed.
    type: path
    default: public
  challenge:
    description:
      - How control over the names is shown. Its C(type) is V(http_01), V(tls_alpn_01), or one by DNS such as V(dns_01_rfc2136), and the
        other keys are options of that type. The guide C(guide_acme) has them all.
      - With V(http_01_webroot) the first call returns what is to be published on web servers, and the second one issues.
    type: dict
    required: true
  profile:
    description: The name of a profile that the CA's directory lists, which it then issues by.
    type: str
  preferred_chain:
    description: The common name of the issuer that the chain should end at, where the CA offers more than one chain.
    type: str
  concurrency:
    description: How many orders are worked on at once.
    type: int
    default: 8
  validation_timeout:
    description: How many seconds the CA may take to check a name.
    type: int
    default: 120
  order_timeout:
    description: How many seconds the CA may take to issue. Then the outcome is V(pending), and a later run fetches the certificate.
    type: int
    default: 120
  state:
    description:
      - Whether the certificates are wanted, or the current ones are to be revoked.
      - With V(revoked) the request is signed by the account, or by the certificate's own key where the CA does not take that.
    type: str
    choices: [present, revoked]
    default: present
  reason:
    description: The reason to revoke for. Some CAs take fewer reasons than these.
    type: str
    choices: [unspecified, key_compromise, affiliation_changed, superseded, cessation_of_operation, privilege_withdrawn]
    default: superseded
extends_documentation_fragment:
  - certops.clm.attributes
  - certops.clm.attributes.clm_issue
  - certops.clm.issue
  - certops.clm.ledger
seealso:
  - module: certops.clm.certificate
  - module: certops.clm.http_01_webroot
"""

EXAMPLES = r"""
- name: Certificates of Let's Encrypt, proven by a responder on port 80 of this machine
  certops.clm.acme_certificate:
    directory: https://acme-v02.api.letsencrypt.org/directory
    terms_agreed: true
    contact: [pki@example.com]
    challenge:
      type: http_01
    secret_store:
      type: directory
      path: /srv/pki/store
    ledger:
      path: /srv/pki/ledger
    certificates:
      - lineage: shop
        names: [shop.example.com, www.shop.example.com]

- name: A wildcard, proven by DNS
  certops.clm.acme_certificate:
    directory: https://acme-v02.api.letsencrypt.org/directory
    terms_agreed: true
    challenge:
      type: dns_01_rfc2136
      server: 192.0.2.53
      tsig_name: certops
      tsig_key_file: /srv/pki/tsig.key
    secret_store:
      type: directory
      path: /srv/pki/store
    ledger:
      path: /srv/pki/ledger
    certificates:
      - lineage: wild
        names: [example.com, "*.example.com"]

- name: Revoke what shop has now
  certops.clm.acme_certificate:
    directory: https://acme-v02.api.letsencrypt.org/directory
    terms_agreed: true
    challenge:
      type: http_01
    secret_store:
      type: directory
      path: /srv/pki/store
    ledger:
      path: /srv/pki/ledger
    certificates:
      - lineage: shop
        names: [shop.example.com]
    state: revoked
    reason: key_compromise
"""

RETURN = r"""
outcomes:
  description:
    - One outcome for each certificate, by its id. Also there when the task fails.
    - Each is a dict of C(state), C(step), C(reason), C(before), C(after), C(message), C(next_action) and C(runbook_page).
    - The C(state) is V(unchanged), V(planned) in check mode, V(done), V(pending), V(deferred) or V(failed).
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
        issuer: acme:acme-v02.api.letsencrypt.org/directory
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

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils._edge_issue import run_certificates
from ansible_collections.certops.clm.plugins.module_utils.flows.certificates import OPTIONS as COMMON
from ansible_collections.certops.clm.plugins.module_utils.issuers._acme_revoke import REASONS
from ansible_collections.certops.clm.plugins.module_utils.issuers.acme import OPTIONS, create
from ansible_collections.certops.clm.plugins.module_utils.nested import plain

STATE = {
    "state": {"type": "str", "choices": ["present", "revoked"], "default": "present"},
    "reason": {"type": "str", "choices": list(REASONS), "default": "superseded"},
}


def main() -> None:
    """Run the issue flow, or the revoke flow, with this issuer."""
    module = AnsibleModule(argument_spec={**plain(OPTIONS), **STATE, **COMMON}, supports_check_mode=True)
    run_certificates(module, create)


if __name__ == "__main__":
    main()
