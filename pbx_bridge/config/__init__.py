"""Settings, read once and frozen. Seen by cli, run and app only; parts get plain values."""

from __future__ import annotations

from pbx_bridge.config.live import Change as Change
from pbx_bridge.config.live import change as change
from pbx_bridge.config.sections import OidcSection as OidcSection
from pbx_bridge.config.settings import Settings as Settings
from pbx_bridge.config.settings import load as load
