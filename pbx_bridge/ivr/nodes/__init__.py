"""The kinds of flow nodes, one file each; all say what base.py asks."""

from pbx_bridge.ivr.nodes.ask import AskNode
from pbx_bridge.ivr.nodes.caller import CallerNode
from pbx_bridge.ivr.nodes.choose import ChooseNode
from pbx_bridge.ivr.nodes.contract import ContractNode
from pbx_bridge.ivr.nodes.hang_up import HangUpNode
from pbx_bridge.ivr.nodes.language import LanguageNode
from pbx_bridge.ivr.nodes.menu import MenuNode
from pbx_bridge.ivr.nodes.queue import QueueNode
from pbx_bridge.ivr.nodes.say import SayNode

Node = CallerNode | LanguageNode | MenuNode | AskNode | SayNode | ChooseNode | ContractNode | QueueNode | HangUpNode

__all__ = [
    "AskNode",
    "CallerNode",
    "ChooseNode",
    "ContractNode",
    "HangUpNode",
    "LanguageNode",
    "MenuNode",
    "Node",
    "QueueNode",
    "SayNode",
]
