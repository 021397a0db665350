"""The settings of sign-in: what they may be, and that the provider's secret stands in a file only."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx_bridge.config import Settings, load
from pbx_bridge.errors import SettingsError

OIDC = """
[web.oidc]
issuer = "https://id.example/realms/company"
client_id = "pbx-bridge"
client_secret_file = "oidc"
redirect_uri = "https://calls.example/sign-in/oidc/callback"
role_claim = "realm_access.roles"
roles = { "support-leads" = "lead", "support" = "agent" }
default_role = "read_only"
"""


def settings(home: Path, text: str = "") -> Settings:
    (home / "pbx_bridge.toml").write_text(text)
    return load({"PBX_BRIDGE_HOME": str(home)})


def test_without_a_word_sessions_end_within_a_day_and_passwords_count(tmp_path: Path) -> None:
    web = settings(tmp_path).web
    assert (web.idle_hours, web.session_hours, web.audit_days, web.passwords, web.oidc) == (8, 12, 730, True, None)
    assert "read_only" not in web.numbers_for


def test_a_provider_in_the_settings_and_its_secret_in_a_file(tmp_path: Path) -> None:
    told = settings(tmp_path, OIDC)
    assert told.web.oidc is not None
    assert told.web.oidc.roles == {"support-leads": "lead", "support": "agent"}
    with pytest.raises(SettingsError, match=r"web\.oidc\.client_secret_file"):
        told.oidc_secret(told.web.oidc)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "oidc").write_text("a-secret-of-ours\n")
    assert told.oidc_secret(told.web.oidc) == "a-secret-of-ours"
    assert "a-secret-of-ours" not in repr(told)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[web]\nidle_hours = 0", "web.idle_hours"),
        ("[web]\nsession_hours = 1000", "web.session_hours"),
        ('[web]\nnumbers_for = ["boss"]', "web.numbers_for.0"),
        ("[web]\naudit_days = -1", "web.audit_days"),
        ('[web.oidc]\nissuer = "https://id.example"', "web.oidc.client_id"),
        (OIDC.replace('"lead"', '"boss"'), "web.oidc.roles.support-leads"),
        (OIDC + 'client_secret = "x"', "web.oidc.client_secret"),
    ],
)
def test_what_they_cannot_be(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(tmp_path, text)
    assert said in str(refused.value)


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PBX_BRIDGE_WEB__IDLE_HOURS", "1.5")
    monkeypatch.setenv("PBX_BRIDGE_WEB__PASSWORDS", "no")
    told = settings(tmp_path, "[web]\nidle_hours = 3")
    assert (told.web.idle_hours, told.web.passwords) == (1.5, False)
