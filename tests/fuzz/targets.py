"""All targets, by name."""

from __future__ import annotations

from collections.abc import Mapping

from fuzz.ami import AMI
from fuzz.ari import ARI
from fuzz.flow_files import FLOW
from fuzz.imports import CDR, CRM
from fuzz.spools import CEL, QUEUE_LOG
from fuzz.target import Target

TARGETS: Mapping[str, Target] = {target.name: target for target in (ARI, AMI, CEL, QUEUE_LOG, FLOW, CRM, CDR)}
