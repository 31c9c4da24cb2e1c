"""SIP legs: a sofia channel, its far end, and how it rings, answers and ends by each side's doing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import sip_variables
from .causes import SIP_REASONS, q850
from .endpoint import Endpoint
from .states import State
from .wire import Pairs

if TYPE_CHECKING:
    from .channel import Channel
    from .phones import Party
    from .sounds import Sound


class SipEndpoint(Endpoint):
    """The far end of a sofia channel, with the party that sits there (None: nobody, the INVITE is lost)."""

    def __init__(self, party: Party | None, *, port: int, call_id: str) -> None:
        self.party = party
        self.port = port
        self.call_id = call_id
        self._displayed = ("", "")

    # ---- what the core tells it --------------------------------------------------------------------------

    def on_init(self, channel: Channel) -> None:
        channel.set_state(State.ROUTING)
        if not channel.inbound:
            sip_variables.inviting(channel, self)
            if self.party is not None:
                self.party.invited(channel)

    def on_hangup(self, channel: Channel) -> None:
        put = channel.variables.set
        if "sip_hangup_disposition" in channel.variables:
            pass  # the far end has ended it
        elif channel.flags.answered:
            put("sip_hangup_disposition", "send_bye")
        elif channel.inbound:
            put("sip_hangup_disposition", "send_refuse")
        else:
            put("sip_hangup_disposition", "send_cancel")
            put("sip_invite_failure_status", "487")
            put("sip_invite_failure_phrase", "CANCEL")
        if channel.media_ready:
            channel.variables.update(sip_variables.STATISTICS)
        if self.party is not None:
            self.party.ended(channel)

    def answer(self, channel: Channel) -> None:
        sip_variables.talking(channel, self)
        channel.variables.set("sip_to_tag", self.call_id[:13])

    def progress(self, channel: Channel) -> None:
        sip_variables.talking(channel, self)

    def send_digit(self, channel: Channel, digit: str) -> None:
        if self.party is not None:
            self.party.hears_digit(digit)

    def hears(self, channel: Channel, sound: Sound) -> None:
        if self.party is not None:
            self.party.hears_sound(channel, sound)

    def display(self, channel: Channel, name: str, number: str) -> None:
        """Tell the phone who is at the other end, unless it was told just that before."""
        channel.variables.set("last_sent_callee_id_name", name)
        channel.variables.set("last_sent_callee_id_number", number)
        if (name, number) == self._displayed:
            return
        self._displayed = (name, number)
        sent: Pairs = [("Sent-Callee-ID-Name", name), ("Sent-Callee-ID-Number", number)]
        partner = channel.partner
        bridged_to: Pairs = [("Bridged-To", partner.uuid)] if partner else []
        channel.fire("CALL_UPDATE", before=[("Direction", "SEND"), *sent, *bridged_to])

    # ---- what the far end sends --------------------------------------------------------------------------

    def rings(self, channel: Channel) -> None:
        """180 has come."""
        if not channel.down:
            sip_variables.responded(channel, self, dialog=True)
            channel.mark_ringing()

    def early(self, channel: Channel) -> None:
        """183 with audio has come."""
        if not channel.down:
            sip_variables.responded(channel, self, dialog=True)
            sip_variables.talking(channel, self)
            channel.mark_early_media()

    def answered(self, channel: Channel) -> bool:
        """200 has come; False if that is too late."""
        if channel.down or channel.flags.answered:
            return False
        sip_variables.responded(channel, self, dialog=True)
        sip_variables.talking(channel, self)
        channel.mark_answered()
        return True

    def refused(self, channel: Channel, status: int) -> None:
        """A final answer other than 200 has come."""
        if channel.down or channel.flags.answered:
            return
        cause, phrase = SIP_REASONS[status]
        sip_variables.responded(channel, self, dialog=False)
        channel.variables.set("sip_hangup_disposition", "recv_refuse")
        for one in (channel, channel.partner):
            if one is not None:
                one.variables.set("sip_invite_failure_status", str(status))
                one.variables.set("sip_invite_failure_phrase", phrase)
        _term(channel, status, q850(cause))
        channel.hangup(cause)

    def gone(self, channel: Channel) -> None:
        """A BYE has come (or a CANCEL, from a caller who was not answered)."""
        if channel.down:
            return
        put = channel.variables.set
        if channel.flags.answered:
            _term(channel, 200, 16)
            channel.hangup("NORMAL_CLEARING")
            put("sip_hangup_disposition", "recv_bye")
        else:
            put("sip_hangup_disposition", "recv_cancel")
            put("sip_invite_failure_status", "487")
            put("sip_invite_failure_phrase", "CANCEL")
            _term(channel, 487, 487)
            channel.hangup("ORIGINATOR_CANCEL")


def _term(channel: Channel, status: int, cause: int) -> None:
    channel.variables.set("sip_term_status", str(status))
    channel.variables.set("proto_specific_hangup_cause", f"sip:{status}")
    channel.variables.set("sip_term_cause", str(cause))
