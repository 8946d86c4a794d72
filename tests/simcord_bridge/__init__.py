"""Serve SimCord, a Discord simulator that we did not write, to a real bot process over loopback.

SimCord (PyPI `simcord`) does: the guilds, members, roles, rooms and DMs; which commands a member sees and
may run; checking options, modals, components and permissions; the life of an interaction (3 s to answer,
15 min of token, one answer only, the ephemeral flag); every REST route and Discord's error codes; intents;
member chunks.

The bridge does transport only: HTTP and websocket framing, log-in (token, `/gateway/bot`, IDENTIFY,
HEARTBEAT, close codes), READY's guild list, a clock that runs, the application's owner, and waiting for
what the bot answers. A request that SimCord does not know is answered 501 and fails the test at `stop()`.
"""

from tests.simcord_bridge.bridge import NotAnswered, SimcordBridge
from tests.simcord_bridge.modal import labels
from tests.simcord_bridge.process import BotProcess

__all__ = ["BotProcess", "NotAnswered", "SimcordBridge", "labels"]
