"""Choose a mail's envelope sender: its own, unless the mail server takes none but the account's."""

import logging

from bot.domain.outcome import Reply, Step
from bot.mail.lanes import Job
from bot.mail.render import Mail

_log = logging.getLogger(__name__)


class Senders:
    """What the mail server was found to allow; one for all connections."""

    def __init__(self, account: str) -> None:
        self._account, self._only_the_account = account, False

    def of(self, mail: Mail) -> bytes:
        """Name the sender that a mail goes under."""
        own = "" if self._only_the_account else mail.sender
        return (own or self._account).encode("ascii")

    def refused(self, job: Job, reply: Reply) -> bool:
        """Tell whether a mail was refused under a sender of its own: it may go again, under the account's.

        Bounces of such mails are still known by the Message-ID that they name.
        """
        code = reply.code
        if reply.step is not Step.MAIL or not job.mail.sender or code is None or not 500 <= code < 600:
            return False
        if not self._only_the_account:
            _log.warning("smtp: the mail server takes no sender but the account's, so bounces may be missed")
        self._only_the_account = True
        job.mail = job.mail._replace(sender="")
        return True
