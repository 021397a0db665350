"""A small SIP phone for `try-call` and the tests: G.711, RTP keys, digest sign-in. UDP on trusted networks only.

It knows RFC 3261 as far as one call on loopback needs it; it is no phone for people.
"""

from pbx_bridge.pbx.phone.call import CallState, Ending, PhoneCall
from pbx_bridge.pbx.phone.phone import Answer, Phone, Reject, Ring
from pbx_bridge.pbx.phone.sdp import KeysBy

__all__ = ["Answer", "CallState", "Ending", "KeysBy", "Phone", "PhoneCall", "Reject", "Ring"]
