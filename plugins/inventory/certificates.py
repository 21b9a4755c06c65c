# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every place where a certificate is deployed, as a host."""

from __future__ import annotations

DOCUMENTATION = r"""
name: certificates
version_added: "0.1.0"
short_description: Every place where a certificate is deployed, as a host
description:
  - Makes one host for each deployment of a manifest, and one for each certificate that was found at a place which the
    manifest does not name, so that C(serial), C(max_fail_percentage), C(--limit) and retries work on certificates.
  - Each deployment is judged by what is served. C(clm_due) holds the deployments that have a reason to issue or to deploy,
    in the order in which a rotation should work on them.
  - C(clm_waiting) holds those that have a reason too, but are outside of their change window or within a freeze, and can wait.
    With C(-e clm_ignore_windows='why') they are due. A variable of an inventory does not do that, so that nobody forgets it there.
  - With C(-e clm_slices=4 -e clm_slice=2) the groups C(clm_due), C(clm_waiting) and C(clm_canary) hold every fourth deployment of
    the manifest by name, from the second on. The four slices together have each deployment once.
  - The name of a host is made of a slug and a hash, and no string from outside is ever templated.
  - The configuration file ends in C(.clm.yml) or C(.clm.yaml). Name it after the inventory that defines the servers, and keep
    the manifest outside of the inventory's folder.
options:
  plugin:
    description: The name of this plugin.
    required: true
    choices: [certops.clm.certificates]
  manifest:
    description: Path of the manifest, relative to this file.
    type: str
    required: true
  observations:
    description: Path of the observations that M(certops.clm.observe) wrote, relative to this file. By default the manifest names it.
    type: str
    default: ""
  per:
    description:
      - What a host is. A V(deployment), or a V(certificate) by its SHA-256 wherever it was seen.
      - With V(certificate) there are no groups C(clm_due) and C(clm_canary), since a rotation works on deployments.
    type: str
    choices: [deployment, certificate]
    default: deployment
  sources:
    description:
      - Where certificates are discovered. Each entry has a C(type) and the options of that type.
      - V(findings) is what managed servers said of themselves when the playbook C(certops.clm.discover) ran last.
      - V(endpoints) looks at a list of C(endpoints) now, each with C(host), C(port), and as needed C(server_name) and C(starttls).
      - V(secret_store) is the manifest's secret store. Lineages that the manifest does not name are in C(clm_orphaned).
      - What a source beyond local files found is cached, when caching is on.
    type: list
    elements: dict
    default: [{type: findings}]
extends_documentation_fragment:
  - constructed
  - inventory_cache
author: certops.clm authors (@certops)
notes:
  - Every host has C(clm_lineage), C(clm_deployment), C(clm_server), C(clm_sha256), C(clm_not_before), C(clm_not_after),
    C(clm_issuer), C(clm_names), C(clm_key_type), C(clm_answer), C(clm_detail), C(clm_held), C(clm_reason_to_issue),
    C(clm_reason_to_deploy), C(clm_wanted_version), C(clm_wanted_sha256), C(clm_next_due), C(clm_waiting_for),
    C(clm_waiting_until), C(clm_window_override), C(clm_policy_findings), C(clm_owner), C(clm_service), C(clm_environment),
    C(clm_criticality), C(clm_runbook), C(clm_consumers) and C(clm_source).
  - The group C(all) has C(clm_manifest_file), C(clm_observations_file), C(clm_secret_store) and C(clm_ledger) (where they are,
    never what they hold), C(clm_summary), C(clm_blind) with one sentence for everything that could not be looked at,
    C(clm_unknown_servers) with servers of the manifest that no inventory defines, C(clm_retired) with lineages of the manifest
    that have ended, and C(clm_sources) with one entry for each of O(sources), by its number and type as in V(1 endpoints), that says
    its C(type), at how many places it C(found) a certificate, and its C(error) when it did not answer.
  - The groups are C(clm_due), C(clm_waiting), C(clm_canary), C(clm_managed), C(clm_unmanaged), C(clm_orphaned), C(clm_expired),
    C(clm_weak_key), C(clm_foreign), C(clm_blind), one C(clm_issuer_*) for each issuer, one C(clm_policy_*) for each policy with
    findings, and C(clm_servers) with the servers of the manifest.
  - Ansible only warns when an inventory cannot be read. The playbooks of this collection fail when C(clm_manifest_file) is not there.
"""

EXAMPLES = r"""
# certificates.clm.yml: the first two lines are all that is needed. The rest adds live endpoints, the secret store, a cache and
# groups of one's own.
plugin: certops.clm.certificates
manifest: ../clm/manifest.yml
sources:
  - type: findings
  - type: secret_store
  - type: endpoints
    endpoints:
      - {host: www.example.com, port: 443}
      - {host: db.example.com, port: 5432, starttls: postgresql}
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: /var/cache/clm
keyed_groups:
  - {key: clm_owner, prefix: owner}
groups:
  soon: clm_not_after != "" and clm_not_after < "2027-01-01"
"""

from datetime import datetime, timezone
from typing import Any, Dict, Mapping

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.vars import load_extra_vars

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.x509._show import quiet
from ansible_collections.certops.clm.plugins.plugin_utils.estate import Estate, resolve_beside, survey
from ansible_collections.certops.clm.plugins.plugin_utils.inventory_hosts import (
    Host,
    certificate_hosts,
    deployment_hosts,
    server_variables,
    settings,
)
from ansible_collections.certops.clm.plugins.plugin_utils.part import part_of
from ansible_collections.certops.clm.plugins.plugin_utils.uncollected import uncollected
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import trusted_template, untrusted
from ansible_collections.certops.clm.plugins.plugin_utils.waiting import reason_to_ignore

SUFFIXES = (".clm.yml", ".clm.yaml")
INTERPRETER = "{{ ansible_playbook_python }}"


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """The inventory plugin: options in, hosts out; everything between is in plugin_utils/estate.py."""

    NAME = "certops.clm.certificates"

    def verify_file(self, path: str) -> bool:
        """True for an existing `*.clm.yml`."""
        return bool(super().verify_file(path)) and path.endswith(SUFFIXES)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Fill the inventory; an error of the manifest or the options is a parser error."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        with quiet, uncollected():
            self._fill(path, cache)

    def _fill(self, path: str, cache: bool) -> None:
        try:
            part = part_of(load_extra_vars(self.loader))
            estate = self._survey(path, cache)
        except ClmError as error:
            raise AnsibleParserError(f"{path}: {error}") from error
        now = datetime.now(timezone.utc)
        self._add_hosts(certificate_hosts(estate, now) if self.get_option("per") == "certificate" else deployment_hosts(estate, now, part))
        unknown = self._add_servers(estate)
        for name, value in settings(estate, unknown, now).items():
            self.inventory.set_variable("all", name, untrusted(value))

    def _survey(self, path: str, cache: bool) -> Estate:
        manifest = load(resolve_beside(path, untrusted(self.get_option("manifest"))))
        other = untrusted(self.get_option("observations"))
        observations = resolve_beside(path, other) if other else ""
        kept: Any = None
        if self.get_option("cache"):
            self.load_cache_plugin()
            entry = self.get_cache_key(path)
            kept = dict(self._cache.get(entry, {})) if cache else {}
        sources = untrusted(self.get_option("sources"))
        ignored = reason_to_ignore(load_extra_vars(self.loader).get("clm_ignore_windows"))
        estate = survey(
            manifest, sources, lambda: datetime.now(timezone.utc), observations_file=observations, cache=kept, ignore_windows=ignored
        )
        if kept is not None:
            self._cache[entry] = kept
        return estate

    def _add_hosts(self, made: Any) -> None:
        """Hosts in their order; every group exists, also when nobody is in it."""
        constructed = any(self.get_option(option) for option in ("compose", "groups", "keyed_groups"))
        for group in made.groups:
            self.inventory.add_group(group)
        # as host variables: group_vars/all of the user would win over a group's (ecosystem.md section 4)
        here = {"ansible_connection": "local", "ansible_python_interpreter": trusted_template(INTERPRETER)}
        for host in made.hosts:
            self._add_host(host, here, constructed)
        for group in made.ordered:
            for name in made.ordered[group]:
                self.inventory.add_host(name, group)

    def _add_host(self, host: Host, here: Mapping[str, Any], constructed: bool) -> None:
        inventory, name = self.inventory, host.name
        known = name in inventory.hosts
        inventory.add_host(name)
        variables: Dict[str, Any] = untrusted(host.variables)
        if known:
            for key, value in (*here.items(), *variables.items()):
                inventory.set_variable(name, key, value)
        else:  # there is nothing to combine them with: at once, and not one after the other with a check of our own names each time
            inventory.hosts[name].vars.update({**here, **variables})
        for group in host.groups:
            inventory.add_host(name, group)
        if constructed:
            self._construct(name, variables)

    def _construct(self, name: str, variables: Mapping[str, Any]) -> None:
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)

    def _add_servers(self, estate: Estate) -> list[str]:
        """Put the manifest's servers that some inventory defines into clm_servers; return the others."""
        self.inventory.add_group("clm_servers")
        unknown = [server for server in estate.manifest.servers if server not in self.inventory.hosts]
        for server in estate.manifest.servers:
            if server in self.inventory.hosts:
                self.inventory.add_host(server, "clm_servers")
                self.inventory.set_variable(server, "clm_look", untrusted(server_variables(estate.manifest, server)))
        if unknown:
            self.display.warning(
                f"certops.clm: {len(unknown)} servers of the manifest are hosts of no inventory read so far "
                f"({', '.join(unknown[:5])}); name the inventory that defines them first"
            )
        return unknown
