"""Passwords that stand in the configuration: none of them is ever shown."""

from __future__ import annotations

from pbx_bridge.doctor.conf import Section
from pbx_bridge.doctor.finding import Severity, check, listed
from pbx_bridge.doctor.gathered import Gathered, need

_SHORTEST = 12
# Those of shipped systems and of every list that is tried first, with digits and case put aside.
_WORDS = """
admin administrator amp amportal ari ami asterisk callcenter change changeme default elastix freepbx guest
issabel letmein manager mysecret pass passw0rd passwd password pbx phone phpagi qwerty root secret sip support
test trixbox user voip welcome
"""
_MADE = "Use 24 random characters (`openssl rand -base64 24`), other ones for each user, and reload."


@check(
    "ami-secret-weak",
    Severity.DANGER,
    why="Default and short passwords are what is tried first; AMI does not stop anybody from trying.",
    mend=_MADE,
)
def ami_secret_weak(g: Gathered) -> str:
    conf = g.conf("manager.conf")
    return _told("manager.conf", [(name, conf.one(name).get("secret")) for name in conf.besides("general")])


@check(
    "ari-secret-weak",
    Severity.DANGER,
    why="Default and short passwords are what is tried first; an ARI user is an administrator of the PBX.",
    mend=_MADE,
)
def ari_secret_weak(g: Gathered) -> str:
    conf = g.conf("ari.conf")
    plain = [conf.one(name) for name in conf.besides("general") if conf.one(name).get("type", "user") == "user"]
    return _told("ari.conf", [(user.name, user.get("password")) for user in plain if not _is_crypt(user)])


@check(
    "sip-secret-weak",
    Severity.DANGER,
    why="Phones' passwords are guessed from all over the world, day and night; then calls are placed at your cost.",
    mend=_MADE,
)
def sip_secret_weak(g: Gathered) -> str:
    auths = [auth for auth in g.conf("pjsip.conf").of_type("auth") if _is_by_password(auth)]
    return _told("pjsip.conf", [(auth.get("username", auth.name), auth.get("password")) for auth in auths])


@check(
    "secrets-readable-by-all",
    Severity.DANGER,
    why="Everybody who has an account on that machine, and every program that is broken into, can read passwords.",
    mend="chown root:asterisk and chmod 0640 these files.",
)
def secrets_readable_by_all(g: Gathered) -> str:
    need(bool(g.modes), "the configuration folder is not read")
    held = ("manager.conf", "ari.conf", "pjsip.conf", "voicemail.conf")
    open_to_all = [name for name in held if g.modes.get(name, 0) & 0o004]
    return f"everybody may read {listed(open_to_all)}" if open_to_all else ""


def weakness(secret: str, user: str) -> str:
    """Why a password is weak; empty: it is not."""
    word = secret.lower().strip("0123456789!@#$%^&*._-")
    if not secret:
        return "has no password"
    if secret.lower() == user.lower():
        return "has its own name as password"
    if word in _WORDS.split():
        return "has a password of the lists that are tried first"
    if len(secret) < _SHORTEST:
        return f"has a password of less than {_SHORTEST} characters"
    return "has a password of few different characters" if len(set(secret)) < 6 or secret.isdigit() else ""


def _told(file: str, users: list[tuple[str, str]]) -> str:
    weak = [f"{name} {reason}" for name, secret in users if (reason := weakness(secret, name))]
    return f"in {file} {listed(weak)}" if weak else ""


def _is_by_password(auth: Section) -> bool:
    kept_otherwise = auth.get("md5_cred") or auth.get("password_digest")
    return not kept_otherwise and auth.get("auth_type", "userpass") in ("userpass", "digest")


def _is_crypt(user: Section) -> bool:
    return user.get("password_format") == "crypt"
