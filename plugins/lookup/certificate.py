# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lineage's certificate from the secret store."""

from __future__ import annotations

DOCUMENTATION = r"""
name: certificate
short_description: A certificate of a lineage from the secret store
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Returns the chain, a part of it or the facts of the current version of each lineage. Never its key.
options:
  _terms:
    description: Names of lineages.
    type: list
    elements: str
    required: true
  secret_store:
    description:
      - The secret store. Its C(type) is V(directory), which takes C(path), or V(mirrored), which takes C(stores).
      - Give it or O(manifest).
    type: dict
  manifest:
    description: A manifest, whose secret store is taken.
    type: path
    vars:
      - name: clm_manifest_file
  version:
    description: The id of a version. By default the current one.
    type: str
  want:
    description:
      - What to return of each lineage.
      - V(chain) is the leaf and its intermediates in PEM, V(leaf) the leaf alone, V(intermediates) the rest, empty when there
        are none.
      - V(facts) is a dict of C(version), C(state), C(sha256), C(spki_sha256), C(not_before), C(not_after), C(names), C(issuer),
        C(request_id) and C(malformed).
    type: str
    default: chain
    choices: [chain, leaf, intermediates, facts]
notes:
  - Names in a certificate come from outside. They are never templated.
"""

EXAMPLES = r"""
- name: Write the shop's chain to a file
  ansible.builtin.copy:
    content: "{{ lookup('certops.clm.certificate', 'shop', secret_store={'type': 'directory', 'path': '/srv/pki/store'}) }}"
    dest: /srv/www/shop-chain.pem
    mode: "0644"

- name: Until when it holds
  ansible.builtin.debug:
    msg: "{{ (lookup('certops.clm.certificate', 'shop', manifest='/etc/clm/manifest.yml', want='facts')).not_after }}"
"""

RETURN = r"""
_raw:
  description: One text, or one dict with O(want=facts), for each lineage.
  type: list
  elements: raw
"""

from typing import Any, Dict, List, Mapping, Optional

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.certops.clm.plugins.module_utils.contracts import SecretStore
from ansible_collections.certops.clm.plugins.module_utils.edge import provider_options, utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.flows.inspect_store import version_facts
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _index as secret_stores
from ansible_collections.certops.clm.plugins.module_utils.x509.chain import Chain
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import untrusted


class LookupModule(LookupBase):
    """Certificates by lineage; every text of the result is data, never a template."""

    def run(self, terms: List[Any], variables: Optional[Mapping[str, Any]] = None, **kwargs: Any) -> List[Any]:
        """One result for each lineage; a lineage or version that is not there is an error."""
        self.set_options(var_options=variables, direct=kwargs)
        version = self.get_option("version")
        try:
            store = self._store()
            return [untrusted(found(store, str(term), str(version) if version else None, self.get_option("want"))) for term in terms]
        except ClmError as error:
            raise AnsibleLookupError(str(error)) from error

    def _store(self) -> SecretStore:
        given: Optional[Dict[str, Any]] = self.get_option("secret_store")
        manifest = self.get_option("manifest")
        if given is None and manifest:
            given = dict(load(str(manifest)).secret_store)
        if given is None:
            raise ConfigError("no secret store is named", hint="give secret_store or manifest")
        return secret_stores.create(str(given.get("type")), provider_options(secret_stores, given, "secret_store"), utc_now)


def found(store: SecretStore, lineage: str, version: Optional[str], want: str) -> Any:
    """What is wanted of one lineage's version; NotFoundError when it has none with a certificate."""
    kept = store.load(lineage, version)
    if kept is None or not kept.chain_pem:
        what = f"version {version}" if version else "current version"
        raise NotFoundError(f"{lineage} has no {what} with a certificate in {store.identity()}")
    if want == "facts":
        return version_facts(kept)
    if want == "chain":
        return kept.chain_pem
    chain = Chain.parse(kept.chain_pem)
    return chain.leaf_pem if want == "leaf" else chain.intermediates_pem
