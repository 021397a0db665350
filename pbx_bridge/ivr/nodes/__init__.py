"""The kinds of flow nodes, one file each; all say what base.py asks."""

from pbx_bridge.ivr.nodes.ask import AskNode
from pbx_bridge.ivr.nodes.call import CallNode, ReturnNode
from pbx_bridge.ivr.nodes.callback import CallbackNode
from pbx_bridge.ivr.nodes.caller import CallerNode
from pbx_bridge.ivr.nodes.choose import ChooseNode
from pbx_bridge.ivr.nodes.complaint import ComplaintNode
from pbx_bridge.ivr.nodes.contract import ContractNode
from pbx_bridge.ivr.nodes.dial import DialNode
from pbx_bridge.ivr.nodes.find import FindNode
from pbx_bridge.ivr.nodes.handing import HandingOver
from pbx_bridge.ivr.nodes.hang_up import HangUpNode
from pbx_bridge.ivr.nodes.hours import HoursNode
from pbx_bridge.ivr.nodes.language import LanguageNode
from pbx_bridge.ivr.nodes.menu import MenuNode
from pbx_bridge.ivr.nodes.queue import QueueNode
from pbx_bridge.ivr.nodes.record import RecordNode
from pbx_bridge.ivr.nodes.say import SayNode
from pbx_bridge.ivr.nodes.survey import SurveyNode
from pbx_bridge.ivr.nodes.ticket import TicketNode
from pbx_bridge.ivr.nodes.transfer import TransferNode
from pbx_bridge.ivr.nodes.voicemail import VoicemailNode
from pbx_bridge.ivr.nodes.webhook import WebhookNode

Node = (
    CallerNode
    | LanguageNode
    | MenuNode
    | AskNode
    | SayNode
    | ChooseNode
    | ContractNode
    | FindNode
    | WebhookNode
    | HoursNode
    | TicketNode
    | ComplaintNode
    | CallbackNode
    | CallNode
    | ReturnNode
    | QueueNode
    | VoicemailNode
    | RecordNode
    | DialNode
    | TransferNode
    | SurveyNode
    | HangUpNode
)

__all__ = [
    "AskNode",
    "CallNode",
    "CallbackNode",
    "CallerNode",
    "ChooseNode",
    "ComplaintNode",
    "ContractNode",
    "DialNode",
    "FindNode",
    "HandingOver",
    "HangUpNode",
    "HoursNode",
    "LanguageNode",
    "MenuNode",
    "Node",
    "QueueNode",
    "RecordNode",
    "ReturnNode",
    "SayNode",
    "SurveyNode",
    "TicketNode",
    "TransferNode",
    "VoicemailNode",
    "WebhookNode",
]
