# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What certbot keeps on servers, as entries for a manifest: a proposal for each lineage, with everything that a person has to look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Collection, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import yaml

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.identifiers import digest, safe_name, slug
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.policy.profile import Profile, allows_name
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate, rfc3339
from ansible_collections.certops.clm.plugins.plugin_utils.certbot_settings import as_challenge, notes_of
from ansible_collections.certops.clm.plugins.plugin_utils.places import Place
from ansible_collections.certops.clm.plugins.plugin_utils.proposals import (
    UNDECIDED,
    Proposal,
    deployment_of,
    lineage_name,
    names_of,
    printable,
    text_of,
)

ACME = "acme"
REUSED = "certbot was told to reuse it (reuse_key): say why here, or take this line out"


@dataclass
class Needed:
    """What the manifest has to have beside the lineages: issuers and profiles by name."""

    issuers: Dict[str, Any] = field(default_factory=dict)
    profiles: Dict[str, Any] = field(default_factory=dict)

    def as_yaml(self) -> str:
        """It as a part of a manifest, empty when it has everything."""
        parts = {name: value for name, value in (("issuers", self.issuers), ("profiles", self.profiles)) if value}
        return yaml.safe_dump(parts, sort_keys=False, default_flow_style=False, width=1000) if parts else ""


def kept(found: Mapping[str, Any]) -> Iterator[Tuple[str, Mapping[str, Any]]]:
    """(server, lineage of certbot) of everything that servers said, in a stable order; what makes no sense is left out."""
    for server in sorted(found):
        rows = found[server].get("lineages") if isinstance(found[server], Mapping) else None
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, Mapping) and isinstance(row.get("name"), str) and isinstance(row.get("folder"), str):
                yield server, {**row, "hook_files": found[server].get("hook_files")}


def managed_as(manifest: Manifest, server: str, folder: str) -> List[str]:
    """The lineages of the manifest that are deployed into this folder of certbot's."""
    here = [one for one in manifest.deployments if one.server == server and _inside(one.certificate_file, folder)]
    return list(dict.fromkeys(one.lineage for one in here))


def _inside(path: object, folder: str) -> bool:
    return isinstance(path, str) and path.startswith(folder.rstrip("/") + "/")


def proposals_of(
    manifest: Manifest, found: Mapping[str, Any], places: Sequence[Place], servers: Mapping[str, str], taken: Collection[str]
) -> Tuple[List[Proposal], Needed]:
    """A proposal for each lineage of certbot that is not in the manifest, or why there is none; and what the manifest needs."""
    needed, used = Needed(), set(taken)
    result: List[Proposal] = []
    for server, row in kept(found):
        if managed_as(manifest, server, row["folder"]):
            continue
        proposal = _proposal(manifest, server, row, _places(places, server, row), servers, used, needed)
        used.add(proposal.name)
        result.append(proposal)
    return result, needed


def _places(places: Sequence[Place], server: str, row: Mapping[str, Any]) -> List[Place]:
    """Where that server's programs were seen to read it."""
    real = row["folder"].replace("/live/", "/archive/")
    here = [place for place in places if place.found.server == server and place.found.where.get("config_file")]
    return [place for place in here if _inside(place.found.where.get("certificate_file"), row["folder"])] or [
        place for place in here if _inside(place.found.where.get("real_file"), real)
    ]


def _proposal(
    manifest: Manifest,
    server: str,
    row: Mapping[str, Any],
    places: Sequence[Place],
    servers: Mapping[str, str],
    used: Collection[str],
    needed: Needed,
) -> Proposal:
    certificate = _certificate(row)
    refused = f"{server}: certbot's lineage {row['name'][:100]}"
    unnamed = safe_name(f"{row['name']} {server}")
    if certificate is None:
        return Proposal(unnamed, {}, refused=f"{refused} cannot be read: {row.get('error') or 'it has no certificate'}")
    names, left = names_of(certificate)
    name = lineage_name(names, certificate, used)
    settings = {str(key): str(value) for key, value in (row.get("settings") or {}).items()}
    if not names:
        return Proposal(unnamed, {}, refused=f"{refused} has no name that can be asked for{left}")
    if not settings.get("server", "").startswith("https://"):
        return Proposal(unnamed, {}, refused=f"{refused} does not say which CA it asks")
    notes = notes_of(row, settings, certificate)
    deployments = [one for one in (deployment_of(place, names, servers) for place in places) if one]
    if not deployments:
        deployments = [_unseen(server, row, names, servers.get(server, server))]
        notes.append("no program of the server was seen to use it: say which one does, and how it is told to take a new certificate")
    entry: Dict[str, Any] = {"reviewed": False, "names": list(names), "issuer": _issuer(manifest, row, settings, needed, notes)}
    entry["profile"] = _profile(manifest, certificate, names, needed, notes)
    if settings.get("reuse_key") == "True":
        entry["reuse_key"] = REUSED
    entry.update(take_over=True, deployments=deployments)
    expires = "unknown" if certificate.not_after is None else rfc3339(certificate.not_after)
    head = [
        f"certbot on {server} keeps it as {row['name']}",
        f"SHA-256 {certificate.sha256}, issued by {certificate.issuer or 'unknown'}, expires {expires}{left}",
    ]
    return Proposal(name, entry, text_of(name, entry, [printable(line) for line in [*head, *(f"REVIEW: {note}" for note in notes)]]))


def _certificate(row: Mapping[str, Any]) -> Optional[Certificate]:
    chain = row.get("chain_pem")
    try:
        return Certificate.from_pem(chain[0]) if isinstance(chain, list) and chain and isinstance(chain[0], str) else None
    except ClmError:
        return None


def _unseen(server: str, row: Mapping[str, Any], names: Sequence[str], address: str) -> Dict[str, Any]:
    folder = row["folder"].rstrip("/")
    target = {"kind": "generic", "certificate_file": f"{folder}/fullchain.pem", "key_file": f"{folder}/privkey.pem"}
    sni = next((name for name in names if not name.startswith("*")), "")
    endpoint = {"host": address, "port": 443, **({"server_name": sni} if sni else {})}
    return {"server": server, "target": {**target, "reload": {"systemd": UNDECIDED}}, "endpoints": [endpoint]}


def _issuer(manifest: Manifest, row: Mapping[str, Any], settings: Mapping[str, str], needed: Needed, notes: List[str]) -> str:
    """The manifest's issuer that asks the same CA in the same way, or the name of one that it needs."""
    challenge, why = as_challenge(row, settings)
    wanted: Dict[str, Any] = {"type": ACME, "directory": settings["server"], "terms_agreed": True}
    for option, value in (("preferred_chain", settings.get("preferred_chain")), ("profile", _acme_profile(settings))):
        if value and value != "None":
            wanted[option] = value
    for name, options in manifest.issuers.items():
        same = all(options.get(key) == wanted.get(key) for key in ("type", "directory", "preferred_chain"))
        if same and ("profile" not in wanted or options.get("profile") == wanted["profile"]):
            ours = str((options.get("challenge") or {}).get("type"))
            notes.append(f"certbot proves its names by {settings.get('authenticator')}, the issuer {name} by {ours}")
            return name
    wanted["challenge"] = challenge
    notes += why
    plain = slug(f"certbot-{settings['server'].split('://')[1].split('/')[0]}")
    name = plain if needed.issuers.get(plain, wanted) == wanted else f"{plain}-{digest(repr(wanted), 6)}"
    needed.issuers[name] = wanted
    notes.append(f"the manifest needs its issuer {name}; certops.clm.import_certbot says how it would look")
    return name


def _acme_profile(settings: Mapping[str, str]) -> str:
    return settings.get("required_profile") or settings.get("preferred_profile") or ""


def _profile(manifest: Manifest, certificate: Certificate, names: Sequence[str], needed: Needed, notes: List[str]) -> str:
    """The manifest's first profile with this type of key that allows these names, or the name of one that it needs."""

    def fits(profile: Profile) -> bool:
        allowed = all(allows_name(profile.names_allowed, name) for name in names)
        return profile.key_type == certificate.key_type and "server_auth" in profile.usages and allowed and not profile.reuse_key

    found = next((name for name, profile in manifest.profiles.items() if fits(profile)), "")
    if found:
        return found
    name = f"certbot-{certificate.key_type}"
    needed.profiles[name] = {"key_type": certificate.key_type}
    notes.append(f"the manifest needs its profile {name}; certops.clm.import_certbot says how it would look")
    return name
