# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that every module which issues certificates has; `module_utils/flows/certificates.py` has the same as a spec."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  certificates:
    description:
      - The certificates that are wanted, each of a lineage of its own. One certificate is a list of one.
      - Each has its own outcome under RV(outcomes). One that is wrong or refused never keeps the others from theirs.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: What the outcome of this certificate is called. By default the lineage.
        type: str
      lineage:
        description:
          - The name of the lineage in the secret store. By default the O(certificates[].id).
          - Lower-case letters, digits, V(.), V(_) and V(-), at most 120 characters.
        type: str
      names:
        description:
          - The DNS names and IP addresses of the certificate.
          - A DNS name is made of letters, digits, hyphens and dots. A wildcard is one whole leftmost label, and an
            internationalised name is given in its C(xn--) form.
        type: list
        elements: str
        required: true
      profile:
        description: The name of one of O(profiles), or a profile itself as a mapping. By default the profile V(default).
        type: raw
      owner:
        description: Who answers for the certificate. Kept in the ledger.
        type: str
      service:
        description: The service that it belongs to. Kept in the ledger.
        type: str
      environment:
        description: The environment, as V(prod) or V(test). Kept in the ledger.
        type: str
      criticality:
        description: How bad its failure would be, as V(low) or V(high). Kept in the ledger.
        type: str
      runbook:
        description: Where it is written what to do. Kept in the ledger.
        type: str
      consumers:
        description: Who verifies or pins it. Kept in the ledger.
        type: list
        elements: str
      forced:
        description:
          - A reason to issue a new version although nothing else asks for one.
          - A version that was made for the same text satisfies it, so running again issues nothing more.
        type: str
      csr_pem:
        description:
          - A certificate request for a key that was made elsewhere and stays there. By default the key is made here.
          - It must be signed by its own key, and be for the same names and the key type of the profile.
        type: str
      reuse_key:
        description:
          - Why the key of the current version is to be taken again. By default every version has a new key.
          - The reason is kept in the ledger. A compromised key is never taken again.
        type: str
      revoked:
        description: SHA-256 of certificates that are revoked. When the current version is one of them, a new one is issued.
        type: list
        elements: str
      compromised:
        description: SHA-256 of certificates whose key is compromised. When the current version is one of them, a new one is issued.
        type: list
        elements: str
  profiles:
    description:
      - Profiles by name. Each is a mapping of C(key_type), C(lifetime), C(backdate), C(usages), C(names_allowed), C(common_name),
        C(reuse_key) and C(policies).
      - The profile V(default) is an ECDSA key on P-256 and a lifetime of 90 days, unless it is given here.
    type: dict
    default: {}
  secret_store:
    description:
      - Where keys and certificates are kept. The C(type) is V(directory), V(mirrored) or one of a cloud such as V(aws_secrets_manager),
        whose options are in the guide of that cloud.
      - V(directory) takes C(path) and, to encrypt the keys at rest, one of C(passphrase_file), C(passphrase_env) and
        C(passphrase_command), the words of a program that prints the passphrase. A file may be encrypted with ansible-vault,
        and C(passphrase) be a value, where the task is an action as M(certops.clm.certificate). A module has no vault secrets.
      - A passphrase has at least 20 bytes and never lies in the store's folder. Without it, or with another one, nothing is written.
      - V(directory) is refused where it would end with the run, in a container's own layer or in memory, unless C(allow_ephemeral)
        is true. Its C(lease_seconds), 120 by default, say for how long a run that died keeps others from its lineages. Others
        wait for up to five minutes. In a run of several slices it is refused on a file system of one machine, unless C(shared)
        is true because every slice sees it.
      - V(mirrored) takes C(stores), a list of two or more stores, each with its C(type) and options. All of them are written, and
        any of them is read. While one cannot be reached nothing is written.
      - A key is durable there before its request leaves.
    type: dict
    required: true
  promote:
    description:
      - Whether a new version becomes the current one at once.
      - With V(false) it is left beside the current one, and the next run takes it as it is.
    type: bool
    default: true
  published:
    description:
      - The RV(ignore:results) of a loop of M(certops.clm.http_01_webroot) over RV(ignore:publish) of an earlier call with the same
        certificates. What could be published is gone on with, and the rest fails with what its host said.
    type: list
    elements: dict
    default: []
  run_id:
    description: The id of the run in the ledger. By default a new one.
    type: str
requirements:
  - cryptography >= 46
"""
