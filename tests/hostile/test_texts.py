# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No text from outside becomes more than text: as a name, in the inventory, in filters, in the report, in the ledger."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils import files
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.identifiers import NAME, is_name
from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger, read, verify
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.plugins.module_utils.x509 import names
from ansible_collections.certops.clm.plugins.module_utils.x509.pem import encode
from ansible_collections.certops.clm.plugins.plugin_utils.report.model import build, lineage_id
from ansible_collections.certops.clm.plugins.plugin_utils.report.write import FORMULA, render, write
from ansible_collections.certops.clm.plugins.plugin_utils.text_table import table
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import group_part, safe_name
from ansible_collections.certops.clm.tests.hostile import asn1
from ansible_collections.certops.clm.tests.hostile.tally import TOO_LONG
from ansible_collections.certops.clm.tests.hostile.texts import BOUNDED, HOSTILE, TEXTS

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
# What may stand in a file that a person opens: no control but the newline, nothing that hides or turns text round.
HIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)
every_text = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


@every_text
def test_it_is_no_name_for_a_certificate(text):
    if text not in ("localhost", "ungrouped"):  # good names of a host
        with pytest.raises(ConfigError) as caught:
            names.check_names([text])
        assert str(caught.value).isprintable() and len(str(caught.value)) < 1000


@every_text
def test_it_makes_a_plain_host_group_and_file_name(text):
    assert NAME.match(safe_name(text)) and safe_name(text) != text
    assert re.fullmatch(r"[a-z0-9_]{1,60}", group_part(text))


@every_text
def test_it_is_no_file_lineage_or_writer(text, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    if is_name(text):
        return
    store = DirectoryStore(str(inside / "store"), clock=lambda: NOW, owner="tests")
    for make in (
        lambda: files.join(str(inside), text),
        lambda: store.begin(text, None),
        lambda: Ledger(str(inside / "l"), text, lambda: NOW),
    ):
        with pytest.raises(ClmError) as caught:
            make()
        assert str(caught.value).isprintable()
    assert [one.name for one in tmp_path.iterdir()] == ["inside"]


class Tags(HTMLParser):
    """What a browser would see of tags and attributes; `text` is what it would show."""

    def __init__(self):
        super().__init__()
        self.seen, self.text = [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, tuple(sorted(name for name, _value in attributes))))
        assert not any(
            name.startswith("on") or (name in ("href", "src") and not (value or "").startswith("http")) for name, value in attributes
        )

    def handle_comment(self, data):
        raise AssertionError(f"a comment in the page: {data[:80]}")

    def handle_data(self, data):
        self.text.append(data)


def report(text, **more):
    """A report with the text wherever somebody else writes."""
    place = {
        "id": "d1",
        "lineage": text,
        "server": text,
        "place": text,
        "endpoints": [text, text],
        "served_sha256": "a" * 64,
        "served_until": NOW,
        "answer": "served",
        "why": text,
        "owner": text,
        "service": text,
        "environment": text,
        "criticality": text,
        "runbook": text,
        "consumers": [text],
        "held": False,
        "waits": "",
        "opens": None,
    }
    event = dict.fromkeys(("step", "message", "next_action", "reason", "runbook_page", "before_sha256", "sha256"), text)
    lineage = {
        "lineage": text,
        "names": [text] * 7,
        "not_before": NOW - timedelta(days=9),
        "not_after": NOW + timedelta(days=9),
        "issuer": text,
        "owner": text,
        "service": text,
        "environment": text,
        "criticality": text,
        "reason": text,
        "sha256": "a" * 64,
        "next_due": NOW,
    }
    odd = {"place": text, "names": [text] * 7, "issuer": text, "not_after": NOW, "sha256": text}
    return build(
        places=[place, {**place, "id": "d2", "held": True}, {**place, "id": lineage_id("x"), "kept_sha256": text, "waits": text}],
        lineages=[lineage],
        unmanaged=[odd],
        events=[
            {"action": "outcome", "deployment": "d1", "state": "failed", **event},
            {"action": "outcome", "deployment": "d2", "state": "done", **event},
        ],
        ledger={"ok": False, "problem": text},
        now=NOW,
        run_id="r1",
        title="Certificates",
        not_seen=[text],
        part=text,
        **more,
    )


def harmless(text):
    """The three files of a report with this text everywhere."""
    made = render(report(text))
    page = Tags()
    page.feed(made["report.html"])
    plain = Tags()
    plain.feed(render(report("x"))["report.html"])
    page.seen = [one for one in page.seen if one[0] not in ("a", "code")]  # addresses of runbooks, and what stands between backticks
    assert page.seen == plain.seen or (not text and set(page.seen) <= set(plain.seen))
    for name, content in made.items():
        content.encode("utf-8")
        assert name == "report.json" or not HIDDEN.search(content), (name, HIDDEN.search(content))
    assert json.loads(made["report.json"])["run_id"] == "r1"
    rows = list(csv.reader(io.StringIO(made["report.csv"])))
    assert len(rows) == 5 and len({len(row) for row in rows}) == 1 and len(made["report.csv"].splitlines()) == 5
    assert not [cell for row in rows for cell in row if cell.lstrip().startswith(FORMULA)]


@every_text
def test_a_report_shows_it_and_runs_nothing(text):
    harmless(text)


@BOUNDED
@given(TEXTS)
def test_a_report_of_any_text_is_whole(text):
    harmless(text)


@every_text
def test_a_report_is_written_whatever_a_ledger_says_of_states(text, tmp_path):
    """A ledger may come from elsewhere: what it calls a state or a hash goes to the files too."""
    event = {"action": "outcome", "deployment": "d1", "state": text, "step": text, "run_id": text, "before_sha256": text, "sha256": text}
    place = {"id": "d1", "lineage": "shop", "served_sha256": text, "answer": text}
    made = build(places=[place], lineages=[], unmanaged=[], events=[event], ledger={}, now=NOW, run_id="r1", title=text)
    write(tmp_path, made)
    assert not HIDDEN.search((tmp_path / "report.csv").read_text()) and not HIDDEN.search((tmp_path / "report.html").read_text())


@every_text
def test_a_table_on_a_terminal_keeps_its_lines(text):
    lines = table([{"a": text, "b": [text, text]}, {"a": "x", "b": "y"}], ["a", "b"])
    assert len(lines) == 3 and all(line.isprintable() for line in lines)


@BOUNDED
@given(
    st.lists(
        st.fixed_dictionaries(
            {"message": TEXTS, "names": st.lists(TEXTS, max_size=3), "where": st.dictionaries(st.sampled_from("ab"), TEXTS)}
        ),
        max_size=3,
    )
)
def test_every_event_is_one_line_and_comes_back_as_it_was(tmp_path_factory, events):
    folder = str(tmp_path_factory.mktemp("ledger"))
    events = [event for event in events if "PRIVATE KEY-----" not in json.dumps(event)]
    with Ledger(folder, "w", lambda: NOW) as ledger:
        ledger.append(events)
    raw = files.read(f"{folder}/w.jsonl", 1 << 24)
    assert raw.count(b"\n") == len(events) == len(raw.splitlines()) and raw.isascii()
    assert verify(folder).ok
    back = [{key: one[key] for key in ("message", "names", "where")} for one in read(folder)]
    assert back == json.loads(json.dumps(events))  # two halves of a character, side by side, are that character


def test_ten_thousand_names_are_one_line_of_a_ledger_one_row_of_a_table_and_data_of_a_filter(tmp_path):
    from ansible_collections.certops.clm.plugins.filter.certificate_names import certificate_names
    from ansible_collections.certops.clm.plugins.filter.parse_certificates import parse_certificates

    many = [f"n{number}.example.com" for number in range(10_000)]
    begin = time.process_time()
    with Ledger(str(tmp_path), "w", lambda: NOW) as ledger:
        ledger.append([{"action": "issued", "names": many}, {"action": "issued", "names": ["a"]}])
    assert [len(one["names"]) for one in read(str(tmp_path))] == [10_000, 1] and verify(str(tmp_path)).ok
    pem = encode("CERTIFICATE", asn1.leaf(names=asn1.dns(*many)))
    (facts,) = parse_certificates(pem)
    assert certificate_names(pem) == many and len(facts["dns_names"]) == 1000
    lineage = {"lineage": "x", "names": many, "not_after": NOW}
    odd = {"place": "x", "names": many, "issuer": "x", "not_after": NOW, "sha256": "a" * 64}
    made = render(build(places=[], lineages=[lineage], unmanaged=[odd] * 50, events=[], ledger={}, now=NOW, run_id="r1"))
    rows = list(csv.reader(io.StringIO(made["report.csv"])))
    assert len({len(row) for row in rows}) == 1 and max(len(cell) for row in rows for cell in row) < 32_767, "what a spreadsheet takes"
    assert time.process_time() - begin < TOO_LONG


def test_a_key_goes_into_no_ledger(tmp_path):
    with Ledger(str(tmp_path), "w", lambda: NOW) as ledger, pytest.raises(ConfigError, match="private key"):
        ledger.append([{"message": HOSTILE["key"]}])
    assert b"MIIB" not in (tmp_path / "w.jsonl").read_bytes()


@every_text
def test_filters_give_it_back_as_data(text):
    from ansible_collections.certops.clm.plugins.filter.certificate_names import certificate_names
    from ansible_collections.certops.clm.plugins.filter.parse_certificates import parse_certificates

    raw = text.encode("utf-8", "surrogatepass")
    pem = encode("CERTIFICATE", asn1.leaf(names=asn1.dns(text), subject=asn1.common(text)))
    (facts,) = parse_certificates(pem)
    given_names = certificate_names(pem)
    assert json.dumps(facts) and all(len(one) <= 4096 for one in facts["malformed"])
    if raw.isascii() and raw:
        assert given_names == [text]
        assert [len(one) for one in facts["dns_names"]] == [min(len(text), 4096)]
    else:
        assert given_names == [] or given_names == [text]
    trusted = [one for one in walk(facts) if is_trusted(one)]
    assert not trusted


def walk(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from walk(key)
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)


def is_trusted(text):
    """True when Ansible would run it as a template."""
    try:
        from ansible.template import is_trusted_as_template
    except ImportError:  # ansible-core < 2.19
        return "{" in text and not hasattr(text, "__UNSAFE__")
    return is_trusted_as_template(text)
