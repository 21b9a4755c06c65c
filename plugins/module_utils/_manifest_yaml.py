# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading YAML strictly: a key that stands twice is an error, not the silent loss of the first."""

from __future__ import annotations

from typing import Any, Callable, Dict, Hashable, List

from ._manifest_fields import TEMPLATED
from .errors import ConfigError, MissingLibraryError, NotFoundError

try:
    import yaml

    _Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
except ImportError:
    yaml = None  # type: ignore[assignment,unused-ignore]
    _Base = object

PLAIN = "a manifest is plain YAML, without !unsafe and !vault: encrypt the file that a passphrase_file names with ansible-vault"
LARGEST = 64 * 1024 * 1024


_TAG = "tag:yaml.org,2002:"
_STR, _MAP, _SEQ = f"{_TAG}str", f"{_TAG}map", f"{_TAG}seq"


class _StrictLoader(_Base):  # type: ignore[misc]
    """The safe loader that refuses duplicate keys.

    Texts, lists and mappings of texts, which a manifest is made of, it makes itself: the loader's own way over generators takes
    twice as long. Everything else, merge keys too, is left to the loader.
    """

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """What the node says; a node that aliases name is one value."""
        tag, kind = node.tag, node.__class__
        if tag == _STR and kind is yaml.ScalarNode:
            return node.value
        if tag == _MAP and kind is yaml.MappingNode and {key.tag for key, _value in node.value} <= {_STR}:
            return self._made(node, {}, self._fill_mapping)
        if tag == _SEQ and kind is yaml.SequenceNode:
            return self._made(node, [], self._fill_list)
        return super().construct_object(node, deep)

    def _made(self, node: Any, value: Any, fill: Callable[[Any, Any], None]) -> Any:
        """The value is known before it is filled: what is in it may name it."""
        known = self.constructed_objects
        if node not in known:
            known[node] = value
            fill(node, value)
        return known[node]

    def _fill_mapping(self, node: Any, found: Dict[Hashable, Any]) -> None:
        for key, value in node.value:
            name = self.construct_object(key)
            if name in found:
                raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} stands twice", key.start_mark)
            found[name] = self.construct_object(value)

    def _fill_list(self, node: Any, found: List[Any]) -> None:
        found.extend([self.construct_object(item) for item in node.value])

    def construct_mapping(self, node: Any, deep: bool = False) -> Dict[Hashable, Any]:
        """A mapping whose keys are all different; a merge key (`<<`) may be overridden, as always."""
        seen = set()
        for key_node, _value in node.value if node.__class__ is yaml.MappingNode else ():  # !!map [1]
            key = key_node.value
            if isinstance(key, str) and key != "<<":
                if key in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", key_node.start_mark)
                seen.add(key)
        found: Dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return found


def load_yaml(path: str) -> Any:
    """What the file holds, as plain data; errors name the file and the line."""
    return parse_yaml(read_bytes(path), path)


def read_bytes(path: str) -> bytes:
    """The file as it is; errors name it."""
    if yaml is None:
        raise MissingLibraryError("reading a manifest needs PyYAML", hint="pip install PyYAML")
    try:
        with open(path, "rb") as stream:
            data = stream.read(LARGEST + 1)
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}", hint="give the inventory's option manifest, or include, the right path") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > LARGEST:
        raise ConfigError(f"{path} is larger than {LARGEST} bytes")
    return data


def parse_yaml(data: bytes, path: str) -> Any:
    """The same for bytes already read; `path` is only named in errors."""
    try:
        return yaml.load(data, Loader=_StrictLoader)  # a subclass of the safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).split("\n", 1)[0] or type(error).__name__
        raise ConfigError(f"{path}{place}: {problem}", hint=_hint(problem, data)) from None


def _hint(problem: str, data: bytes) -> str:
    """The way out of the mistakes that people who know Ansible's own YAML make."""
    if "for the tag" in problem or b"!vault" in data:  # in a flow mapping the block behind the tag is what cannot be read
        return PLAIN
    if "unhashable key" in problem:
        return TEMPLATED
    tokens = "cannot start any token" in problem
    return "indent with spaces, not with tabs, and quote texts that begin with @, % or `" if tokens or "a tab" in problem else ""
