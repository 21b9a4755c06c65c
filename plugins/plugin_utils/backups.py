# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions of backup and restore share: arguments, the passphrase, the stores, one translation of errors."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Mapping, Sequence

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.contracts import SecretStore
from ansible_collections.certops.clm.plugins.module_utils.edge import utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.passphrase import SOURCES, passphrase_of
from ansible_collections.certops.clm.plugins.plugin_utils.edge import validated
from ansible_collections.certops.clm.plugins.plugin_utils.refusing import refused
from ansible_collections.certops.clm.plugins.plugin_utils.vault import remember
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_store

Work = Callable[[Mapping[str, Any], bool], Mapping[str, Any]]


def run_backup_action(action: ActionBase, work: Work) -> Dict[str, Any]:
    """The action's result from `work(args, check_mode)`, or its failure without a traceback."""
    remember(action._loader)
    try:
        return dict(work(validated(action), bool(action._task.check_mode)))
    except (ClmError, OSError) as error:
        return refused(error, action._task.args)


def passphrase(args: Mapping[str, Any], protects: Sequence[str] = ()) -> Secret:
    """The backup's passphrase; ConfigError when no source is given."""
    found = passphrase_of(args, os.environ, protects=protects, field="")
    if found is None:
        raise ConfigError("a backup needs a passphrase", field="passphrase_file", hint="give one of " + ", ".join(SOURCES))
    return found


def refuse_beside(args: Mapping[str, Any]) -> None:
    """ConfigError when the passphrase's file lies in the folder of the backup: who takes the one takes the other."""
    given = args.get("passphrase_file")
    if given and _folder(str(given)) == _folder(str(args["path"])):
        raise ConfigError("the passphrase lies beside the backup that it protects", field="passphrase_file", hint="keep it somewhere else")


def _folder(path: str) -> str:
    return os.path.dirname(os.path.realpath(os.path.expanduser(path)))


def store_of(options: Mapping[str, Any]) -> SecretStore:
    """The secret store that {type: ...} names."""
    return open_store(options, utc_now)
