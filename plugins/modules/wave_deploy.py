#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys to what an API reaches. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wave_deploy
version_added: "0.1.0"
short_description: Deploy one wave to targets behind an API
description:
  - Deploys all items of the wave whose target is not a managed server, with one listing and bounded concurrency for each
    target, each as a transaction. Items on servers pass through as they are.
  - The task never fails. Every host of the wave gets an outcome, also when everything went wrong, and
    M(certops.clm.wave_verdict) turns that host red.
options: {}
author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.wave.plan
  - certops.clm.wave.versions
  - certops.clm.wave.outcomes
  - certops.clm.wave.proof
  - certops.clm.attributes
seealso:
  - module: certops.clm.wave_verdict
"""

EXAMPLES = r"""
- name: Deploy to clouds
  certops.clm.wave_deploy:
    plan: rotate_plan.plan
    versions: rotate_issued.versions
    outcomes: rotate_issued.outcomes
  register: rotate_deployed
  run_once: true
  ignore_errors: true
  ignore_unreachable: true
"""

RETURN = r"""
outcomes:
  description: One outcome for each host of the wave, by host name.
  type: dict
  returned: always
"""
