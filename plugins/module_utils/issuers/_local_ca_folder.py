# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a local CA: which file holds what, and how its keys and certificates are read and written.

root.pem, root.key (may be elsewhere), intermediate.pem, intermediate.key (or intermediate.key.json: which service keeps it), and
intermediate.csr (while the root's answer is awaited),
root.der and intermediate.der (to publish), root.crl and intermediate.crl (DER, to publish) with .crl.pem beside them,
settings.json, issued.jsonl, revoked.jsonl. Keys are PKCS#8, always encrypted, 0600.
"""

from __future__ import annotations

import json
import os
import stat
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Mapping, Optional

from .. import files
from ..errors import ConfigError, MalformedError, NotFoundError, check_path
from ..masking import Secret
from ..nested import options_of
from ..passphrase import VAULTED, read_named, read_vaulted
from ..x509 import key as keys
from ..x509 import pem
from ..x509._crypto import require, serialization, x509
from ._local_ca_build import ANY_POLICY, Publishing

ROOT = "root"
INTERMEDIATE = "intermediate"


def passphrase_of(options: Mapping[str, Any], field: str = "") -> Secret:
    """The passphrase from `passphrase_file` (its first line) or `passphrase`; ConfigError when neither is usable.

    A file that everybody may read is refused: what it protects would be as open as it is.
    """
    path = options.get("passphrase_file")
    if not path:
        if not options.get("passphrase"):
            raise ConfigError("the CA's key is kept encrypted and needs a passphrase", field=field + "passphrase_file")
        return Secret(str(options["passphrase"]).encode("utf-8"))
    data = read_named(path, field + "passphrase_file")
    if data.startswith(VAULTED):
        data = read_vaulted(os.path.abspath(path), field + "passphrase_file")
    elif os.stat(path).st_mode & (stat.S_IROTH | stat.S_IWOTH):
        raise ConfigError(f"{path} can be read or written by everybody", hint=f"chmod 600 {path}", field=field + "passphrase_file")
    text = data.splitlines()[0] if data else b""
    if not text:
        raise ConfigError(f"{path} has no passphrase in its first line", field=field + "passphrase_file")
    return Secret(text)


class Folder:
    """The files of one CA folder."""

    def __init__(self, path: str) -> None:
        check_path(path, "path", required=True)
        self.path = os.path.abspath(os.path.expanduser(path))

    def file(self, name: str) -> str:
        """The path of one of the folder's files."""
        return os.path.join(self.path, name)

    def make(self) -> None:
        """Create the folder, for this user only, where it is not there yet."""
        try:
            os.makedirs(self.path, 0o700, exist_ok=True)
        except OSError as error:
            raise files.explain(error, self.path, "create the CA's folder") from error
        files.check_private(self.path)

    def certificate(self, ca: str) -> Optional[Any]:
        """The certificate of `root` or `intermediate`, None when it is not there yet."""
        require()
        try:
            data = files.read(self.file(f"{ca}.pem"))
        except NotFoundError:
            return None
        return load_certificate(data, self.file(f"{ca}.pem"))

    def known(self, ca: str) -> Any:
        """The certificate of `root` or `intermediate`; NotFoundError when it is not there yet."""
        found = self.certificate(ca)
        if found is None:
            raise NotFoundError(f"there is no {ca} in {self.path}", hint="set the CA up with certops.clm.local_ca")
        return found

    def write_certificate(self, ca: str, certificate: Any) -> None:
        """Keep a CA certificate, and its DER for publishing."""
        der = certificate.public_bytes(serialization.Encoding.DER)
        with files.Batch() as batch:
            batch.write(self.file(f"{ca}.der"), der, mode=0o644)
            batch.write(self.file(f"{ca}.pem"), pem.encode(pem.CERTIFICATE, der).encode("ascii"), mode=0o644)

    def has_key(self, ca: str) -> bool:
        """True when the CA's key is in this folder, or the folder says which service keeps it."""
        return os.path.exists(self.file(f"{ca}.key")) or self.holder(ca) is not None

    def holder(self, ca: str) -> Optional[Dict[str, Any]]:
        """Which service keeps the CA's key, as its type and options; None when it is kept here."""
        path = self.file(f"{ca}.key.json")
        try:
            found = json.loads(files.read(path))
        except NotFoundError:
            return None
        except ValueError:
            raise MalformedError(f"{path} is no JSON", hint="restore the CA's folder from its backup") from None
        return dict(found)

    def hold(self, ca: str, holder: Mapping[str, Any]) -> Any:
        """Keep the CA's key there from now on; the key, once it was seen to be there."""
        key = held_key(holder)
        files.write(self.file(f"{ca}.key.json"), json.dumps(holder, indent=2, sort_keys=True).encode("ascii") + b"\n", mode=0o600)
        return key

    def signing_key(self, ca: str, passphrase: Callable[[], Secret]) -> Any:
        """The CA's key, wherever it is kept; the passphrase is asked for only where there is one."""
        holder = self.holder(ca)
        return held_key(holder) if holder is not None else self.key(ca, passphrase())

    def key(self, ca: str, passphrase: Secret) -> Any:
        """The CA's key; NotFoundError when it is kept elsewhere, MalformedError when the passphrase does not fit."""
        try:
            return keys.load(Secret(files.read(self.file(f"{ca}.key"))), passphrase)
        except NotFoundError:
            raise NotFoundError(f"the key of the {ca} is not in {self.path}", hint="run this where that key is kept") from None
        except MalformedError as error:
            raise MalformedError(f"{self.file(ca + '.key')}: {error.message}", field="passphrase_file") from None

    def new_key(self, ca: str, key_type: str, passphrase: Secret) -> Any:
        """Make a key and keep it durably, encrypted, before anybody uses it."""
        key = keys.generate(key_type)
        files.write(self.file(f"{ca}.key"), keys.to_pem(key, passphrase).reveal(), mode=0o600)
        return key

    def settings(self) -> Dict[str, Any]:
        """What was set up, empty when nothing was."""
        try:
            found = json.loads(files.read(self.file("settings.json")))
        except NotFoundError:
            return {}
        except ValueError:
            found = None
        if not isinstance(found, dict):
            hint = "move it away and run certops.clm.local_ca, which writes it again"
            raise MalformedError(f"{self.file('settings.json')} holds no JSON object", hint=hint)
        return found

    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Keep what was set up."""
        files.write(self.file("settings.json"), json.dumps(settings, indent=2, sort_keys=True).encode("ascii") + b"\n", mode=0o644)

    def publishing(self) -> Publishing:
        """What certificates say about this CA, as it was set up."""
        found = self.settings()
        lifetime = int(found.get("crl_lifetime", Publishing.crl_lifetime))
        return Publishing(str(found.get("url", "")), str(found.get("policy_oid", ANY_POLICY)), lifetime)


def held_key(holder: Mapping[str, Any]) -> Any:
    """The key that a service keeps; ConfigError when the options are wrong."""
    from ..ca_keys import _index as ca_keys

    kind, options = options_of(ca_keys, {name: value for name, value in holder.items() if value is not None}, "intermediate_key")
    return ca_keys.create(kind, options, lambda: datetime.now(timezone.utc)).key()


def load_certificate(data: bytes, where: str) -> Any:
    """The library's certificate of one PEM block; MalformedError names the file."""
    try:
        return x509.load_der_x509_certificate(pem.split(data, limit=1)[0].der)
    except MalformedError as error:
        raise MalformedError(f"{where}: {error.message}", hint=error.hint) from None
    except Exception as error:  # damaged bytes raise InvalidVersion and others beside ValueError
        raise MalformedError(f"{where}: not a certificate ({error})") from None
