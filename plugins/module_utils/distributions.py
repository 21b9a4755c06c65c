# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations of CloudFront distributions: read with their ETag, changed against it, and never cut by an SDK that is too old.

An update replaces the whole configuration. An SDK drops what it does not know of an answer without a word, so sending its answer back
would turn that off.
"""

from __future__ import annotations

from typing import Any, Callable, ContextManager, Dict, Iterator, List, Tuple
from xml.etree import ElementTree

from .aws import code_of, told
from .errors import ClmError, MissingLibraryError, UnavailableError

REGION = "us-east-1"  # of CloudFront's endpoint, and of every certificate that it takes
CHANGED = ("PreconditionFailed", "InvalidIfMatchVersion")
ATTEMPTS = 5  # configurations that somebody else changed between our reading and our writing
LOST = "clm_lost"
EMPTY = ("", "false", "0")  # what says that something is not there
Config = Dict[str, Any]


def configuration(client: Any, name: str) -> Tuple[Config, str]:
    """The configuration, and the ETag to change it against; MissingLibraryError where the SDK does not know a part of it."""
    client.meta.events.register("after-call.cloudfront.GetDistributionConfig", _note, unique_id="certops-clm")
    with told(f"cloudfront {name}"):
        answer = client.get_distribution_config(Id=name)
    if answer.get(LOST):
        text = f"cloudfront {name}: this boto3 does not know {', '.join(answer[LOST][:5])}, and to change anything would turn that off"
        raise MissingLibraryError(text, hint="pip install -U boto3")
    return dict(answer["DistributionConfig"]), str(answer["ETag"])


def change(client: Any, name: str, edit: Callable[[Config], None], doing: Callable[[str], ContextManager[None]] = told) -> None:
    """Have `edit` change the configuration; where somebody changed it meanwhile it is read again, so that nothing of theirs is lost."""
    for _attempt in range(ATTEMPTS):
        config, etag = configuration(client, name)
        edit(config)
        try:
            with doing(f"cloudfront UpdateDistribution {name}"):
                client.update_distribution(DistributionConfig=config, Id=name, IfMatch=etag)
            return
        except ClmError as error:
            if code_of(error) not in CHANGED and code_of(error.__cause__ or error) not in CHANGED:
                raise
    raise UnavailableError(f"cloudfront {name}: somebody changes it all the time", hint="see who does, then run again")


def _note(http_response: Any, parsed: Dict[str, Any], model: Any, **_more: Any) -> None:
    """What the SDK is about to drop of this answer, noted in it."""
    if http_response.status_code < 300:
        parsed[LOST] = list(lost(ElementTree.fromstring(http_response.content), model.output_shape.members["DistributionConfig"]))


def lost(element: Any, shape: Any, path: str = "") -> Iterator[str]:
    """Where the element says something that the SDK's shape of it has no place for."""
    if shape.type_name == "list":
        for child in element:
            yield from lost(child, shape.member, path)
    if shape.type_name != "structure":
        return
    members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
    for child in element:
        name = child.tag.rpartition("}")[2]
        if name in members:
            yield from lost(child, members[name], f"{path}{name}.")
        elif _says_something(child):
            yield f"{path}{name}"


def _says_something(element: Any) -> bool:
    texts: List[str] = [(one.text or "").strip() for one in element.iter()]
    return any(text not in EMPTY for text in texts)
