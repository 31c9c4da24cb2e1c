"""The variables that mod_sofia puts on a leg, and when (recording `transfer_answered_agent_hangs_up`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .channel import Channel
    from .sip import SipEndpoint

_SDP = (
    "v=0\r\no={user} 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0 101\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)

_AUDIO = {
    "remote_video_media_flow": "inactive",
    "remote_text_media_flow": "inactive",
    "remote_audio_media_flow": "sendrecv",
    "audio_media_flow": "sendrecv",
    "rtp_audio_recv_pt": "0",
    "rtp_use_codec_name": "PCMU",
    "rtp_use_codec_rate": "8000",
    "rtp_use_codec_ptime": "20",
    "rtp_use_codec_channels": "1",
    "rtp_last_audio_codec_string": "PCMU@8000h@20i@1c",
    "read_codec": "PCMU",
    "original_read_codec": "PCMU",
    "read_rate": "8000",
    "original_read_rate": "8000",
    "write_codec": "PCMU",
    "write_rate": "8000",
    "dtmf_type": "rfc2833",
}

_PROFILE = {
    "sofia_profile_name": "internal",
    "recovery_profile_name": "internal",
    "sofia_profile_url": "sip:mod_sofia@127.0.0.1:5060",
}

_CODECS = "CORE_PCM_MODULE.PCMU@8000h@20i@64000b"


def invited(channel: Channel, endpoint: SipEndpoint, number: str, name: str, destination: str) -> None:
    """What a caller's leg has as it is created."""
    domain, port = channel.switch.domain, str(endpoint.port)
    tag = endpoint.call_id[-8:]
    channel.variables.update(
        {
            "direction": "inbound",
            "uuid": channel.uuid,
            "call_uuid": channel.uuid,
            "session_id": str(channel.session_id),
            "sip_from_user": number,
            "sip_from_uri": f"{number}@{domain}",
            "sip_from_host": domain,
            "video_media_flow": "disabled",
            "text_media_flow": "disabled",
            "channel_name": channel.name,
            "sip_local_network_addr": "127.0.0.1",
            "sip_network_ip": "127.0.0.1",
            "sip_network_port": port,
            "sip_invite_stamp": str(channel.clock.micros()),
            "sip_received_ip": "127.0.0.1",
            "sip_received_port": port,
            "sip_via_protocol": "udp",
            "sip_from_user_stripped": number,
            **_PROFILE,
            "sip_req_user": destination,
            "sip_req_port": "5060",
            "sip_req_uri": f"{destination}@127.0.0.1:5060",
            "sip_req_host": "127.0.0.1",
            "sip_to_user": destination,
            "sip_to_uri": f"{destination}@{domain}",
            "sip_to_host": domain,
            "sip_contact_user": number,
            "sip_contact_port": port,
            "sip_contact_uri": f"{number}@127.0.0.1:{port}",
            "sip_contact_host": "127.0.0.1",
            "sip_via_host": "127.0.0.1",
            "sip_via_port": port,
            "sip_via_rport": port,
            "max_forwards": "70",
            "switch_r_sdp": _SDP.format(user=number, port=_phone_port(endpoint)),
            "ep_codec_string": _CODECS,
            "rtp_use_codec_string": "PCMU",
            **_AUDIO,
            "endpoint_disposition": "RECEIVED",
            "sip_from_tag": tag,
            "sip_cseq": "1",
            "sip_call_id": endpoint.call_id,
            "sip_full_via": f"SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{tag};rport={port}",
            "sip_from_display": name,
            "sip_full_from": f'"{name}" <sip:{number}@{domain}>;tag={tag}',
            "sip_full_to": f"<sip:{destination}@{domain}>",
        }
    )


def made(channel: Channel, destination: str) -> None:
    """What an outbound leg has before the dial string's variables are set on it."""
    channel.variables.update(
        {
            "direction": "outbound",
            "is_outbound": "true",
            "uuid": channel.uuid,
            "call_uuid": channel.uuid,
            "session_id": str(channel.session_id),
            "sip_local_network_addr": "127.0.0.1",
            "sip_profile_name": "internal",
            "video_media_flow": "disabled",
            "text_media_flow": "disabled",
            "channel_name": channel.name,
            "sip_destination_url": f"sip:{destination}",
        }
    )


def inviting(channel: Channel, endpoint: SipEndpoint) -> None:
    """What an outbound leg has as its INVITE is sent."""
    user, host = _number(channel), f"127.0.0.1:{endpoint.port}"
    channel.variables.update(
        {
            "rtp_use_codec_string": "PCMU",
            "local_media_ip": "127.0.0.1",
            "local_media_port": _own_port(channel),
            "advertised_media_ip": "127.0.0.1",
            "audio_media_flow": "sendrecv",
            "rtp_local_sdp_str": _SDP.format(user="FreeSWITCH", port=_own_port(channel)),
            "sip_outgoing_contact_uri": "<sip:mod_sofia@127.0.0.1:5060>",
            "sip_req_uri": f"{user}@{host}",
            "sip_to_host": host,
            "sip_from_host": channel.switch.domain,
            **_PROFILE,
        }
    )


def responded(channel: Channel, endpoint: SipEndpoint, *, dialog: bool) -> None:
    """What the first answer to our INVITE leaves; a refusal makes no `dialog`."""
    port, user, profile = str(endpoint.port), _number(channel), channel.profile
    channel.variables.update(
        {
            "sip_call_id": endpoint.call_id,
            "sip_local_network_addr": "127.0.0.1",
            "sip_reply_host": "127.0.0.1",
            "sip_reply_port": port,
            "sip_network_ip": "127.0.0.1",
            "sip_network_port": port,
        }
    )
    if profile is None:
        return
    profile.network_addr = "127.0.0.1"
    if not dialog:
        return
    ours, theirs, domain = endpoint.call_id[:13], endpoint.call_id[-8:], channel.switch.domain
    via = f"SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK{ours}"
    name, number = profile.caller_id_name, profile.caller_id_number
    channel.variables.update(
        {
            "sip_recover_contact": f"<sip:{user}@127.0.0.1:{port}>",
            "sip_full_via": via,
            "sip_recover_via": via,
            "sip_from_display": name,
            "sip_full_from": f'"{name}" <sip:{number}@{domain}>;tag={ours}',
            "sip_full_to": f"<sip:{user}@127.0.0.1:{port}>;tag={theirs}",
            "sip_from_user": number,
            "sip_from_uri": f"{number}@{domain}",
            "sip_from_host": domain,
            "sip_to_user": user,
            "sip_to_port": port,
            "sip_to_uri": f"{user}@127.0.0.1:{port}",
            "sip_to_host": "127.0.0.1",
            "sip_contact_user": user,
            "sip_contact_port": port,
            "sip_contact_uri": f"{user}@127.0.0.1:{port}",
            "sip_contact_host": "127.0.0.1",
            "sip_to_tag": theirs,
            "sip_from_tag": ours,
            "sip_cseq": str(123056000 + channel.session_id),
            "sip_call_id": endpoint.call_id,
        }
    )


def talking(channel: Channel, endpoint: SipEndpoint) -> None:
    """What an offer and its answer leave: the audio of the leg is agreed."""
    put = channel.variables.set
    if not channel.inbound:
        put("switch_r_sdp", _SDP.format(user=_number(channel), port=_phone_port(endpoint)))
        put("ep_codec_string", _CODECS)
        put("rtp_use_codec_string", "PCMU")
        channel.variables.update(_AUDIO)
    channel.variables.update(
        {
            "rtp_local_sdp_str": _SDP.format(user="FreeSWITCH", port=_own_port(channel)),
            "local_media_ip": "127.0.0.1",
            "local_media_port": _own_port(channel),
            "advertised_media_ip": "127.0.0.1",
            "rtp_use_pt": "0",
            "rtp_use_ssrc": str(118087886 + channel.session_id),
            "rtp_2833_send_payload": "101",
            "rtp_2833_recv_payload": "101",
            "remote_media_ip": "127.0.0.1",
            "remote_media_port": _phone_port(endpoint),
        }
    )


def _number(channel: Channel) -> str:
    return channel.profile.destination_number if channel.profile else ""


def _own_port(channel: Channel) -> str:
    return str(20000 + 2 * (channel.session_id % 10000))


def _phone_port(endpoint: SipEndpoint) -> str:
    return str(40000 + endpoint.port % 20000)


STATISTICS = {
    f"rtp_audio_{name}": value
    for name, value in {
        "in_raw_bytes": "12216",
        "in_media_bytes": "12212",
        "in_packet_count": "72",
        "in_media_packet_count": "71",
        "in_skip_packet_count": "5",
        "in_jitter_packet_count": "0",
        "in_dtmf_packet_count": "0",
        "in_cng_packet_count": "0",
        "in_flush_packet_count": "1",
        "in_largest_jb_size": "0",
        "in_jitter_min_variance": "7.96",
        "in_jitter_max_variance": "26.67",
        "in_jitter_loss_rate": "0.00",
        "in_jitter_burst_rate": "0.00",
        "in_mean_interval": "20.77",
        "in_flaw_total": "0",
        "in_quality_percentage": "100.00",
        "in_mos": "4.50",
        "out_raw_bytes": "12040",
        "out_media_bytes": "12040",
        "out_packet_count": "70",
        "out_media_packet_count": "70",
        "out_skip_packet_count": "0",
        "out_dtmf_packet_count": "0",
        "out_cng_packet_count": "0",
        "rtcp_packet_count": "0",
        "rtcp_octet_count": "0",
    }.items()
}
"""What a leg's end says of its audio; here always the same."""
