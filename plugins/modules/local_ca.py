#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: local_ca
short_description: Set up a local CA and keep its CRL fresh
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Makes the root and the intermediate of a CA in a folder, and their CRLs, and writes a new CRL when half of the time of the
    old one is over or a certificate was revoked.
  - The root's key may live elsewhere. The request of the intermediate then goes out as a file, its certificate comes in in a later
    run, and on the machine that has the root's key the same module signs it.
  - A CA certificate that is there is never made again. A new root or intermediate is a new folder.
  - Keys are always encrypted with a passphrase, and never returned.
options:
  path:
    description:
      - The folder of the CA. The files in it that clients need are C(root.pem), C(intermediate.pem), and, to be published below O(url),
        C(root.der), C(intermediate.der), C(root.crl) and C(intermediate.crl).
    type: path
    required: true
  part:
    description:
      - What lives in this folder.
      - V(both) is root and intermediate.
      - V(root) is the root alone. With O(request) and O(certificate) it signs another folder's intermediate.
      - V(intermediate) is the intermediate alone. Its request is C(intermediate.csr), and O(certificate) and O(root_certificate) bring
        in the answer.
      - To take the root offline later, move C(root.key) away. Everything else goes on, and only the root's CRL is then written elsewhere.
    type: str
    choices: [both, root, intermediate]
    default: both
  passphrase_file:
    description:
      - A file whose first line is the passphrase of the intermediate's key. It must not be open to everybody.
      - For a new key at least 20 bytes, as those of secret stores and backups. A key that is there opens with the one that it has.
    type: path
  passphrase:
    description: The passphrase itself, when there is no O(passphrase_file).
    type: str
  root_passphrase_file:
    description: The same for the root's key. By default the passphrase of the intermediate.
    type: path
  root_passphrase:
    description: The passphrase of the root's key itself, when there is no O(root_passphrase_file).
    type: str
  root:
    description: The root, when it is made here. A root that is there is left as it is.
    type: dict
    default: {}
    suboptions:
      common_name:
        description: The common name of the CA. By default V(Root CA) or V(Issuing CA).
        type: str
      organization:
        description: The organization.
        type: str
      country:
        description: The country, in two letters.
        type: str
      key_type:
        description: The type of the key.
        type: str
        choices:
          - rsa-2048
          - rsa-3072
          - rsa-4096
          - ecdsa-p256
          - ecdsa-p384
          - ecdsa-p521
          - ed25519
          - ml-dsa-44
          - ml-dsa-65
          - ml-dsa-87
        default: ecdsa-p384
      lifetime:
        description: How long it is valid, as V(3650d). By default 10 years for the root and 5 for the intermediate.
        type: str
  intermediate:
    description: The intermediate, when it is made or signed here.
    type: dict
    default: {}
    suboptions:
      common_name:
        description: The common name of the CA. By default V(Root CA) or V(Issuing CA).
        type: str
      organization:
        description: The organization.
        type: str
      country:
        description: The country, in two letters.
        type: str
      key_type:
        description: The type of the key.
        type: str
        choices:
          - rsa-2048
          - rsa-3072
          - rsa-4096
          - ecdsa-p256
          - ecdsa-p384
          - ecdsa-p521
          - ed25519
          - ml-dsa-44
          - ml-dsa-65
          - ml-dsa-87
        default: ecdsa-p256
      lifetime:
        description: How long it is valid, as V(1825d). By default 10 years for the root and 5 for the intermediate.
        type: str
      path_length:
        description: How many CAs may follow below it.
        type: int
        default: 0
      permitted:
        description:
          - The DNS names, with everything below them, and the networks that it may issue for. By default any.
          - A kind of name that none of them is of is excluded as a whole.
        type: list
        elements: str
        default: []
      excluded:
        description: The DNS names, with everything below them, and the networks that it may not issue for.
        type: list
        elements: str
        default: []
  intermediate_key:
    description:
      - Where the intermediate's key is kept instead of in the folder. It is made there by you, and never leaves. What is signed goes out as
        its hash.
      - Its C(type) is V(aws_kms), with C(key_id), the id, ARN or alias of a key of KMS for signing, ECDSA or RSA, and C(profile),
        C(region), C(role_arn) and C(external_id) for the account. The key's own type counts, and not O(intermediate.key_type).
      - The folder remembers it, and needs no passphrase for the intermediate. That key is then backed up by the service alone.
    type: dict
  url:
    description:
      - Where the files of the folder are published over HTTP. Certificates then name the CRL and the CA's certificate below it.
      - Without it certificates name neither, which suits short lives and clients that do not look.
    type: str
    default: ""
  policy_oid:
    description: The policy that the certificates name. The default is any policy.
    type: str
    default: 2.5.29.32.0
  crl_lifetime:
    description: How long a CRL is valid.
    type: str
    default: 7d
  request:
    description: With O(part=root), the request of an intermediate to sign.
    type: path
  certificate:
    description:
      - With O(part=root), where the signed intermediate is written.
      - Otherwise where the signed intermediate is read from. Until the file is there, the module waits.
    type: path
  root_certificate:
    description: The root that signed O(certificate), where it is not in the folder yet.
    type: path
extends_documentation_fragment:
  - certops.clm.attributes
requirements:
  - cryptography >= 46, for ML-DSA >= 47
  - boto3 >= 1.40, for V(aws_kms) in O(intermediate_key)
notes:
  - Back the folder up. C(issued.jsonl) is the memory of what was issued, and without C(revoked.jsonl) a CRL would forget.
seealso:
  - module: certops.clm.local_ca_certificate
"""

EXAMPLES = r"""
- name: A CA for one domain
  certops.clm.local_ca:
    path: /srv/pki/ca
    passphrase_file: /srv/pki/passphrase
    root:
      common_name: Example Root CA
      organization: Example
      country: DE
    intermediate:
      common_name: Example Issuing CA
      organization: Example
      country: DE
      permitted: [example.com, 10.0.0.0/8]
    url: http://pki.example.com

- name: The intermediate's key is in AWS KMS
  certops.clm.local_ca:
    path: /srv/pki/ca
    root_passphrase_file: /srv/pki/passphrase
    passphrase_file: /srv/pki/passphrase
    intermediate_key:
      type: aws_kms
      key_id: alias/issuing-ca
      region: eu-central-1

- name: The root is offline. Write the request, and take the certificate when it has come
  certops.clm.local_ca:
    path: /srv/pki/ca
    part: intermediate
    passphrase_file: /srv/pki/passphrase
    certificate: /srv/incoming/intermediate.pem
    root_certificate: /srv/incoming/root.pem

- name: On the machine with the root's key, sign it
  certops.clm.local_ca:
    path: /media/root/ca
    part: root
    root_passphrase_file: /media/root/passphrase
    request: /media/stick/intermediate.csr
    certificate: /media/stick/intermediate.pem
    intermediate:
      common_name: Example Issuing CA
      permitted: [example.com]
"""

RETURN = r"""
outcomes:
  description:
    - One outcome for each of C(settings), C(root), C(intermediate), C(request), C(root_crl) and C(intermediate_crl), as far as they
      concern this folder. Also there when the module fails.
    - Each is a dict of C(state), C(step), C(reason), C(before), C(after), C(message), C(next_action) and C(runbook_page).
    - The C(state) of the intermediate is V(pending) when its request was written and waits for the root.
  type: dict
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils.edge import run, utc_now
from ansible_collections.certops.clm.plugins.module_utils.issuers._local_ca_options import OPTIONS, setup_of
from ansible_collections.certops.clm.plugins.module_utils.issuers._local_ca_setup import converge
from ansible_collections.certops.clm.plugins.module_utils.nested import plain


def main() -> None:
    """Bring the folder to what is wanted."""
    module = AnsibleModule(argument_spec=plain(OPTIONS), supports_check_mode=True)
    run(module, lambda params, check_mode: converge(setup_of(params), utc_now(), check_mode))


if __name__ == "__main__":
    main()
