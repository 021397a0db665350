"""Asterisk's version, and whether it has the modules that are needed."""

from __future__ import annotations

from pbx_bridge.doctor.finding import Severity, check, listed, seen
from pbx_bridge.doctor.gathered import Gathered
from pbx_bridge.pbx.version import NEWEST, OLDEST, Version, features_of, lacking

# The first release of each branch without the holes in ARI of 2026; older branches were left as they are.
_MENDED = {20: Version(20, 20, 1), 22: Version(22, 10, 1), 23: Version(23, 4, 1)}
_ENDED = (16, 17, 18, 19, 21)

# Without these something that callers or agents do fails; the rest of what we load is comfort.
_NEEDED: dict[str, tuple[str, ...]] = {
    "the menu": (
        "app_stasis",
        "res_ari",
        "res_ari_applications",
        "res_ari_asterisk",
        "res_ari_channels",
        "res_ari_endpoints",
        "res_ari_events",
        "res_ari_playbacks",
        "res_http_websocket",
        "res_stasis",
        "res_stasis_answer",
        "res_stasis_playback",
    ),
    "queues": ("app_queue", "res_musiconhold"),
    "recordings": ("app_mixmonitor", "app_record", "format_wav"),
    "the record": ("cel_custom", "app_celgenuserevent"),
    "phones": ("chan_pjsip", "res_pjsip", "res_pjsip_session", "res_pjsip_sdp_rtp", "res_rtp_asterisk"),
    "voice": ("codec_ulaw", "codec_alaw", "codec_resample", "format_pcm"),
    "the dialplan": ("app_dial", "app_playback", "app_stack", "app_voicemail", "func_channel", "func_timeout"),
}


@check(
    "version-unknown-to-us",
    Severity.FAULT,
    why="Only Asterisk 16 to 23 was looked into: others may lack what is asked of them, or answer otherwise.",
    mend="Use a version between these; 22 is supported longest.",
)
def version_unknown_to_us(g: Gathered) -> str:
    version = seen(g.version)
    return "" if OLDEST.major <= version.major <= NEWEST.major else f"Asterisk is {version}"


@check(
    "version-without-mending",
    Severity.ADVICE,
    why="This branch of Asterisk gets no mending of security holes any more.",
    mend="Plan the upgrade to 20 or 22; until then let nobody but the daemon reach ARI and AMI.",
)
def version_without_mending(g: Gathered) -> str:
    version = seen(g.version)
    return f"Asterisk is {version}" if version.major in _ENDED else ""


@check(
    "version-with-known-holes",
    Severity.DANGER,
    why="An ARI user can read and write files by setting a variable; over the websocket a read-only one can write.",
    mend="Upgrade to 20.20.1, 22.10.1, 23.4.1 or later.",
)
def version_with_known_holes(g: Gathered) -> str:
    version = seen(g.version)
    return f"Asterisk is {version}" if version < _MENDED.get(version.major, version) else ""


@check(
    "version-lacks",
    Severity.ADVICE,
    why="This Asterisk is older than something that people notice; everything else goes on without it.",
    mend="Upgrade within the branch; which release has it stands in docs/pbx.md, section Versions.",
)
def version_lacks(g: Gathered) -> str:
    version = seen(g.version)
    missing = [f"{gate.what}: {gate.without}" for gate in lacking(version)] if version >= OLDEST else []
    return f"Asterisk {version} cannot: {'; '.join(missing)}" if missing else ""


@check(
    "modules-missing",
    Severity.FAULT,
    why="What a missing module does is missing from calls, often without a word.",
    mend="Load them in modules.conf (`module load NAME.so` on the console for now); install the package they are in.",
)
def modules_missing(g: Gathered) -> str:
    loaded = seen(g.modules)
    missing = {what: [name for name in names if name not in loaded] for what, names in _NEEDED.items()}
    told = [f"for {what}: {listed(names)}" for what, names in missing.items() if names]
    return f"not loaded {'; '.join(told)}" if told else ""


@check(
    "ari-conf-too-new",
    Severity.FAULT,
    why="An older res_ari refuses to load because of deny or permit in ari.conf: there is no ARI at all then.",
    mend="Take deny and permit out of ari.conf, and let HTTP listen on loopback only.",
)
def ari_conf_too_new(g: Gathered) -> str:
    if features_of(seen(g.version)).ari_user_acl:
        return ""
    conf = g.conf("ari.conf")
    users = [name for name in conf.besides("general") if conf.one(name).get("deny") or conf.one(name).get("permit")]
    return f"ari.conf has deny or permit for {listed(users)}, which {seen(g.version)} does not know" if users else ""
