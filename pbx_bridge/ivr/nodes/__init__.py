"""The kinds of flow nodes, one file each; all say what base.py asks."""

from pbx_bridge.ivr.nodes.ask import AskNode
from pbx_bridge.ivr.nodes.call import CallNode, ReturnNode
from pbx_bridge.ivr.nodes.caller import CallerNode
from pbx_bridge.ivr.nodes.choose import ChooseNode
from pbx_bridge.ivr.nodes.contract import ContractNode
from pbx_bridge.ivr.nodes.dial import DialNode
from pbx_bridge.ivr.nodes.handing import HandingOver
from pbx_bridge.ivr.nodes.hang_up import HangUpNode
from pbx_bridge.ivr.nodes.hours import HoursNode
from pbx_bridge.ivr.nodes.language import LanguageNode
from pbx_bridge.ivr.nodes.menu import MenuNode
from pbx_bridge.ivr.nodes.queue import QueueNode
from pbx_bridge.ivr.nodes.say import SayNode
from pbx_bridge.ivr.nodes.transfer import TransferNode
from pbx_bridge.ivr.nodes.voicemail import VoicemailNode

Node = (
    CallerNode
    | LanguageNode
    | MenuNode
    | AskNode
    | SayNode
    | ChooseNode
    | ContractNode
    | HoursNode
    | CallNode
    | ReturnNode
    | QueueNode
    | VoicemailNode
    | DialNode
    | TransferNode
    | HangUpNode
)

__all__ = [
    "AskNode",
    "CallNode",
    "CallerNode",
    "ChooseNode",
    "ContractNode",
    "DialNode",
    "HandingOver",
    "HangUpNode",
    "HoursNode",
    "LanguageNode",
    "MenuNode",
    "Node",
    "QueueNode",
    "ReturnNode",
    "SayNode",
    "TransferNode",
    "VoicemailNode",
]
