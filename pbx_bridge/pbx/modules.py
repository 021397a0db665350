"""The Asterisk modules this system uses; nothing else is loaded.

The order is for people: Asterisk loads by priority and by each module's own needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_LIST = """
# The dialplan: its reader, its applications, its functions.
pbx_config pbx_loopback
app_celgenuserevent app_confbridge app_dial app_directed_pickup app_mixmonitor app_playback app_queue app_read
app_record app_senddtmf app_stack app_stasis app_voicemail res_parking
func_callerid func_cdr func_channel func_db func_logic func_strings func_timeout
# Talking: channels, bridges, codecs, files, clocks.
chan_pjsip chan_bridge_media
bridge_builtin_features bridge_builtin_interval_features bridge_holding bridge_native_rtp bridge_simple bridge_softmix
codec_a_mu codec_alaw codec_resample codec_ulaw
format_gsm format_pcm format_sln format_wav
res_crypto res_musiconhold res_rtp_asterisk res_timing_pthread res_timing_timerfd
# SIP.
res_pjproject res_pjsip
res_pjsip_acl res_pjsip_authenticator_digest res_pjsip_caller_id res_pjsip_diversion res_pjsip_dlg_options
res_pjsip_dtmf_info res_pjsip_empty_info res_pjsip_endpoint_identifier_ip res_pjsip_endpoint_identifier_user
res_pjsip_header_funcs res_pjsip_logger res_pjsip_nat res_pjsip_outbound_authenticator_digest res_pjsip_path
res_pjsip_pubsub res_pjsip_refer res_pjsip_registrar res_pjsip_rfc3326 res_pjsip_sdp_rtp res_pjsip_session
res_sorcery_astdb res_sorcery_config res_sorcery_memory res_sorcery_memory_cache res_sorcery_realtime res_realtime
# ARI and AMI.
res_ari res_ari_applications res_ari_asterisk res_ari_bridges res_ari_channels res_ari_device_states
res_ari_endpoints res_ari_events res_ari_model res_ari_playbacks res_ari_recordings res_ari_sounds
res_http_websocket res_websocket_client res_manager_devicestate
res_stasis res_stasis_answer res_stasis_device_state res_stasis_playback res_stasis_recording res_stasis_snoop
# The record.
cdr_custom cel_custom res_cdrel_custom res_security_log
"""

WANTED = tuple(word for line in _LIST.splitlines() if not line.startswith("#") for word in line.split())

# Without one of these a start is no start.
REQUIRED = ("app_queue", "app_stasis", "cel_custom", "chan_pjsip", "pbx_config", "res_ari_channels", "res_ari_events")

_PLACES = ("usr/lib/*/asterisk/modules", "usr/lib/asterisk/modules", "usr/lib64/asterisk/modules")
_LOCAL_PLACES = ("usr/local/lib/asterisk/modules", "usr/local/lib64/asterisk/modules")


def modules_in(root: Path) -> tuple[str, ...]:
    """The wanted modules that the Asterisk under `root` has: versions differ, and a missing one is an ERROR.

    Every wanted one when its folder cannot be found.
    """
    here = _here(root)
    return tuple(name for name in WANTED if name in here or not here)


def missing_in(root: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Those of these modules that the Asterisk under `root` lacks; none when its folder cannot be found."""
    here = _here(root)
    return tuple(name for name in names if here and name not in here)


def _here(root: Path) -> set[str]:
    folders = [folder for place in (*_LOCAL_PLACES, *_PLACES) for folder in sorted(root.glob(place))]
    return {file.stem for folder in folders[:1] for file in folder.glob("*.so")}
