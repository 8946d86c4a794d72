"""Make IMAPClient say whether something is there to be read, and enter IDLE whatever is said meanwhile."""

import selectors
import ssl

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError


class Client(IMAPClient):
    """An IMAPClient whose waiting sees what is buffered at any layer, and a connection that has ended."""

    def begin_idle(self) -> None:
        """Enter IDLE (RFC 2177); raises IMAPClientError where the server will not.

        What the server says before its go-ahead is no refusal: a mail may come in just then.
        """
        self._idle_tag = self._imap._command("IDLE")  # noqa: SLF001 - as the library's own idle() does
        while self._imap._get_response() is not None:  # noqa: SLF001 - as above
            if self._imap.tagged_commands.get(self._idle_tag):
                raise IMAPClientError("no IDLE")

    def forget_news(self) -> None:
        """Take what the server has said by itself as known."""
        self._imap.untagged_responses.clear()

    def has_news(self, seconds: float) -> bool:
        """Tell whether there is something to read, waiting so long; True too where the line is dead."""
        if "EXISTS" in self._imap.untagged_responses or self._has_buffered():
            return True
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket(), selectors.EVENT_READ)
            return bool(selector.select(seconds))

    def _has_buffered(self) -> bool:
        """Look behind the socket: what came with the line before is in a buffer, and poll() never sees it."""
        if getattr(self._imap, "_readbuf", None):  # from Python 3.14 on
            return True
        socket, read_timeout = self.socket(), self.socket().gettimeout()
        if isinstance(socket, ssl.SSLSocket) and socket.pending():
            return True
        socket.settimeout(0)
        try:
            return bool(self._imap.file.peek(1))
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        finally:
            socket.settimeout(read_timeout)
