# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the matrix: what is put through the faults. A new one is one more Provider in ROWS."""

from __future__ import annotations

import hashlib
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Tuple, Type

from ansible_collections.certops.clm.tests.lab.host import end
from ansible_collections.certops.clm.tests.lab.nginx import Nginx
from ansible_collections.certops.clm.tests.lab.server import Server
from ansible_collections.certops.clm.tests.lab.small import Small

from .invariants import issued
from .steps import BETWEEN_RUNS, CONTROLLER, HTTP, SERVER, WHOLE_RUN, Step, again, spine

Stand = Callable[[Any, Tuple[str, ...]], None]


def small_stand(server: Any, words: Tuple[str, ...]) -> None:
    """The lab's own server has a switch for each word."""
    server.sabotage(*words)


def nginx_stand(server: Any, words: Tuple[str, ...]) -> None:
    """A configuration that was broken before, a pid file that is gone, a master that is stopped and so never reloads."""
    server.configure()
    host, pid = server.host, server.process.pid if server.process else 0
    real, aside = host.real("/run/nginx.pid"), host.real("/run/nginx.pid.away")
    if aside.exists():
        aside.rename(real)
    if pid:
        end(pid, signal.SIGCONT)
    if "fail_check" in words:
        path = host.real("/etc/nginx/nginx.conf")
        path.write_text(path.read_text() + "no such directive;\n")
    if "fail_reload" in words and real.exists():
        real.rename(aside)
    if "keep_old" in words and pid:
        end(pid, signal.SIGSTOP)


def as_it_is(_manifest: Dict[str, Any]) -> None:
    """Nothing to add to the manifest of Campaign."""


def mirrored(manifest: Dict[str, Any]) -> None:
    """Every lineage in two folders."""
    stores = [{"type": "directory", "path": path, "allow_ephemeral": True, "lease_seconds": 2} for path in ("store", "copy")]
    manifest["secret_store"] = {"type": "mirrored", "stores": stores}


def keys_on_host(manifest: Dict[str, Any]) -> None:
    """Keys are made on the server and never leave it."""
    manifest["lineages"]["api"]["key_origin"] = "host"


def forty(manifest: Dict[str, Any]) -> None:
    """Thirty-nine lineages more, which have no deployment: so many that one syncfs makes them all durable."""
    manifest["lineages"].update({f"more{number:02}": {"names": [f"more{number:02}.lab.example"]} for number in range(39)})


def nothing_more(_place: Path) -> List[str]:
    """No invariant beside I1-I8."""
    return []


def same_copies(place: Path) -> List[str]:
    """Both folders of the mirrored store hold the same versions, byte for byte, and the same one is current."""
    def held(folder: Path) -> Dict[str, str]:
        found = {"current": os.readlink(folder / "current")}
        for path in sorted(folder.glob("versions/0*/*.pem")):
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    one, two = (held(place / name / "lineages" / "api") for name in ("store", "copy"))
    return [] if one == two else [f"the copies differ in {sorted(set(one.items()) ^ set(two.items()))[:3]}"]


@dataclass(frozen=True)
class Provider:
    """One row: an issuer, a store and a kind of server, and the steps at which it is not what an earlier row was."""

    name: str
    what: str
    steps: Mapping[str, Step]
    kind: Type[Server] = Small
    tls: str = "/etc/clm/tls"
    hosts: Tuple[str, ...] = ("web1",)
    change: Callable[[Dict[str, Any]], None] = as_it_is  # of the manifest
    stand: Stand = small_stand
    stands: FrozenSet[str] = frozenset()  # the words of `stand`
    stores: Tuple[str, ...] = ("store",)
    faults: Tuple[str, ...] = ()  # only these; none: all
    alike: Callable[[Path], List[str]] = nothing_more  # what is wrong in the end, in the folder of the controller
    keys_on_server: bool = False
    service: Optional[Callable[[Path, Dict[str, Any]], Any]] = None  # a CA for a World, which changes the manifest
    wide: bool = False  # also the faults of a whole run and between runs
    whole: bool = False  # also the faults of a whole run
    issued: Callable[[Path], List[Tuple[str, bytes]]] = field(default=lambda ca: issued(ca / "issued.jsonl"))

    @property
    def spine(self) -> Tuple[str, ...]:
        """All steps, in their order."""
        return (*self.steps, *((WHOLE_RUN, BETWEEN_RUNS) if self.wide else (WHOLE_RUN,) if self.whole or len(self.hosts) > 1 else ()))


def _some(steps: Mapping[str, Step], *names: str) -> Dict[str, Step]:
    return {name: steps[name] for name in names}


def _second_copy() -> Dict[str, Step]:
    first = spine()
    made = (
        again(first["lock"], "lock, second copy", path="*/copy/lineages/api/lease-*", folder="copy"),
        again(first["key write"], "key write, second copy", path="*/copy/*/.new-*/key.pem", folder="copy"),
        again(first["key rename"], "key rename, second copy", path="*/copy/lineages/api/versions/0*", folder="copy"),
        again(first["keep"], "keep, second copy", path="*/copy/*/versions/0*/*chain.pem", folder="copy"),
        again(first["settle"], "settle, second copy", path="*/copy/lineages/api/current", folder="copy",
              write=("symlink", "*/copy/lineages/api/.current-*", 1)),
    )  # fmt: skip
    return {step.name: step for step in made}


def _on_host() -> Dict[str, Step]:
    first = spine()
    made = (
        Step("key write on the host", SERVER, "write", "*/deployments/*/keys/.*", folder="state"),
        Step("key fsync on the host", SERVER, "fsync", "*/deployments/*/keys/.*", folder="state"),
        Step("key rename on the host", SERVER, "rename", "*/deployments/*/keys/*", folder="state"),
        Step("request write", SERVER, "write", "*/deployments/*/.request.json*", folder="state"),
        *_some(first, "issue", "keep", "swap", "commit").values(),
    )
    return {step.name: step for step in made}


def acme_ca(place: Path, manifest: Dict[str, Any]) -> Any:
    """Pebble behind a proxy."""
    from .services import AcmeCa

    return AcmeCa(place, manifest)


def acme_by_dns(place: Path, manifest: Dict[str, Any]) -> Any:
    """The same, and names are proven by a real bind9."""
    from .services import AcmeByDns

    return AcmeByDns(place, manifest)


def private_ca(place: Path, manifest: Dict[str, Any]) -> Any:
    """AWS Private CA of the emulator, behind a proxy."""
    from .aws_ca import PrivateCa

    return PrivateCa(place, manifest)


def secrets_manager(place: Path, manifest: Dict[str, Any]) -> Any:
    """Secrets Manager of the emulator as the secret store, behind a proxy."""
    from .aws_ca import SecretsManager

    return SecretsManager(place, manifest)


def listener(place: Path, manifest: Dict[str, Any]) -> Any:
    """A listener of the emulator in the place of a server, with ACM."""
    from .aws_ca import Listener

    return Listener(place, manifest)


def _listener() -> Dict[str, Step]:
    asked = {"put": "CertificateManager.ImportCertificate", "bind": "ModifyListener"}
    return {name: Step(name, CONTROLLER, HTTP, what) for name, what in asked.items()}


def _secrets() -> Dict[str, Step]:
    document = "secretsmanager.{} certops-clm/api"
    asked = {
        "lock": (document.format("UpdateSecretVersionStage"), 1),
        "key write": ("secretsmanager.CreateSecret certops-clm/api/0*", 1),
        "keep": (document.format("UpdateSecretVersionStage"), 3),
        "settle": (document.format("UpdateSecretVersionStage"), 6),
    }
    return {name: Step(name, CONTROLLER, HTTP, what, nth) for name, (what, nth) in asked.items()}


def _pca() -> Dict[str, Step]:
    asked = {"ask": "ACMPrivateCA.IssueCertificate", "fetch": "ACMPrivateCA.GetCertificate"}
    return {name: Step(name, CONTROLLER, HTTP, what) for name, what in asked.items()}


def _acme() -> Dict[str, Step]:
    paths = {"order": "/order-plz*", "challenge": "/chalZ/*", "finalize": "/finalize-order/*", "download": "/certZ/*"}
    return {name: Step(name, CONTROLLER, HTTP, path) for name, path in paths.items()}


def _batched() -> Dict[str, Step]:
    first = Step("syncfs", CONTROLLER, "syncfs", "*", folder="store")
    return {f"syncfs {number}": again(first, f"syncfs {number}", nth=number) for number in (1, 2, 3)}


ALL_WORDS = frozenset(("fail_check", "fail_reload", "keep_old", "die_on_reload", "refuse", "hang"))
# What can end otherwise where a row differs from the first; the rest is the same code at the same calls.
CHOSEN = ("kill before", "kill after", "kill the module", "no space", "disk error", "check refuses", "reload fails", "reload lies")
AT_CA = ("kill before", "kill after", "SIGTERM", "CA 429 seconds", "CA 429 date", "CA 429", "CA 503 seconds", "CA 503", "CA away",
         "CA resets", "CA answers HTML", "CA truncates", "CA refuses nonces", "already replaced", "ARI malformed",
         "ARI backwards", "ARI again in 1 s", "ARI again in 30 d", "ARI in the past")  # fmt: skip
STORE = ("store away", "store throttles", "token expires", "right withdrawn", "lease lost")
FIRST = "local_ca, directory, small server"
NGINX = spine("/etc/nginx/tls", "*nginx*-s reload*")
ROWS: Dict[str, Provider] = {
    one.name: one
    for one in (
        Provider(FIRST, "the whole spine", spine(), stands=ALL_WORDS, wide=True),
        Provider("nginx", "the steps on its server", _some(NGINX, "stage", "swap", "swap, second file", "reload", "roll back", "commit"),
                 Nginx, "/etc/nginx/tls", stand=nginx_stand, stands=frozenset(("fail_check", "fail_reload", "keep_old")),
                 faults=(*CHOSEN, "reload lies, kill")),
        Provider("mirrored store", "the steps in its second copy", _second_copy(), change=mirrored, stores=("store", "copy"),
                 faults=CHOSEN, alike=same_copies),
        Provider("key_origin host", "the steps of its key, and what follows", _on_host(), change=keys_on_host, keys_on_server=True,
                 faults=(*CHOSEN, "unreachable", "second campaign")),
        Provider("acme", "the steps at its CA: Pebble behind a proxy", _acme(), service=acme_ca, faults=AT_CA, whole=True),
        Provider("acme, DNS-01", "the steps that a proof in the DNS has: Pebble asks bind9", _some(_acme(), "challenge", "finalize"),
                 service=acme_by_dns, whole=True, faults=("kill before", "kill after", "SIGTERM", "CA 429", "DNS half-propagated",
                                                          "DNS leftover")),
        Provider("aws_pca", "the steps at its CA: AWS Private CA of an emulator (tier B) behind a proxy", _pca(), service=private_ca,
                 faults=("kill before", "kill after", "SIGTERM", "AWS throttles", "CA 503", "CA away", "CA resets", "CA answers HTML",
                         "CA truncates")),
        Provider("aws_secrets_manager", "the steps in its store: Secrets Manager of an emulator (tier B) behind a proxy", _secrets(),
                 service=secrets_manager, faults=("kill before", "kill after", "second campaign", "CA 503", "CA away", "CA resets",
                                                  "CA answers HTML", *STORE)),
        Provider("aws_elbv2_listener", "the steps at a listener: ACM and a load balancer of an emulator (tier B), which really serves",
                 _listener(), service=listener, faults=("kill before", "kill after", "CA 503", "CA away", "CA resets", "CA answers HTML")),
        Provider("three servers", "one lineage on three servers, in waves", {}, hosts=("web1", "web2", "web3"), stands=ALL_WORDS,
                 faults=("one of three away", "two of three away", "the last one lies", "the first one lies")),
        Provider("40 lineages", "the steps that are one for all of them", _batched(), change=forty,
                 faults=("kill before", "kill after", "disk error")),
    )
}  # fmt: skip
