# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules that write a trust store have in common; `module_utils/flows/trust.py` has the same as a spec."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(present) makes exactly the O(anchors) the ones in force, and takes away every other one.
      - V(added) makes them anchors too, and takes none away. It is the first step of a rotation of trust, before anything is issued
        below the new anchor.
      - V(removed) takes away the anchors with these O(sha256), and leaves the others. It is the last step, when nothing that is used
        leads to the old anchor any more. An anchor that is not there is fine, and the last one is never removed.
      - V(absent) takes the trust store away as a whole, and for a domain name of API Gateway turns mutual TLS off, so that every client is
        let in. As long as anything else verifies by it nothing is changed, and the message names it. The bundle stays in the bucket.
    type: str
    choices: [present, added, removed, absent]
    default: present
  anchors:
    description:
      - PEM files of CA certificates on the host where the task runs, in any order, each with any number of them. They are files, and
        not texts, so that a private key that stands in one by mistake is refused and not in the arguments of a task.
      - A certificate that is no CA, is expired, cannot be read or has a key that is not taken there is refused by its name, before any
        write. An anchor that is in force already may be expired, and is then remarked.
    type: list
    elements: path
  sha256:
    description: The SHA-256 of the anchors to take away, as 64 hex digits, with colons or without. The result has them for every anchor.
    type: list
    elements: str
requirements:
  - cryptography >= 46
"""

    BUCKET = r"""
options:
  bucket:
    description:
      - The S3 bucket that the bundle is handed over in. It must keep versions, so that what is in force is named exactly and the bundle
        before it stays.
    type: str
    required: true
  key:
    description:
      - The key of the bundle in the bucket. By default C(certops-clm/NAME.pem), for CloudFront C(certops-clm/cloudfront/NAME.pem).
        Each trust store has one of its own.
    type: str
  timeout:
    description: How many seconds are waited for AWS to have the change in force.
    type: int
    default: 300
notes:
  - Of two tasks that write the same trust store at once one fails and names the other, and nothing that one of them added is lost.
"""

    MUTUAL = r"""
options:
  ignore_client_certificate_expiry:
    description: Whether clients are let in whose certificate is expired, while everything else about it is verified.
    type: bool
    default: false
  advertise_trust_store_ca_names:
    description: Whether the names of the trust store's anchors are sent to the clients, by which they choose among their certificates.
    type: bool
    default: false
notes:
  - In check mode a trust store that is not there yet is taken as it is named, for a task before this one may make it.
"""

    LISTS = r"""
options:
  revocation_lists:
    description:
      - Files of certificate revocation lists (PEM or DER), which are then exactly the ones that are held. Left out, those that are held
        stay as they are. An empty list removes all of them.
      - Each must be signed by one of the anchors, be whole and still count. A new list of a CA is added before its old one is removed.
    type: list
    elements: path
"""

    UNKNOWN = r"""
options:
  replace_unknown:
    description:
      - Whether with O(state=present) the anchors are replaced although nobody can tell which ones are in force, because somebody else
        wrote them. Without it such a trust store is left alone.
    type: bool
    default: false
"""
