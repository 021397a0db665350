"""The store: journal, recorder, call book, CRM, users. SQLite or PostgreSQL, one writer, named SQL."""

from pbx_bridge.store.announce import RESYNC, CallRow, News, Resync
from pbx_bridge.store.call_body import call_json
from pbx_bridge.store.calls import CallBook
from pbx_bridge.store.crm import Contract, Crm, Customer, Ticket, TicketStatus
from pbx_bridge.store.journal import Journal
from pbx_bridge.store.lines import CallLine
from pbx_bridge.store.open import Store, open_store
from pbx_bridge.store.page_key import PageKey
from pbx_bridge.store.recordings import Recording, Recordings, RecordingState
from pbx_bridge.store.runs import RunGone, Runs, RunState
from pbx_bridge.store.users import Role, User, Users

__all__ = [
    "RESYNC",
    "CallBook",
    "CallLine",
    "CallRow",
    "Contract",
    "Crm",
    "Customer",
    "Journal",
    "News",
    "PageKey",
    "Recording",
    "RecordingState",
    "Recordings",
    "Resync",
    "Role",
    "RunGone",
    "RunState",
    "Runs",
    "Store",
    "Ticket",
    "TicketStatus",
    "User",
    "Users",
    "call_json",
    "open_store",
]
