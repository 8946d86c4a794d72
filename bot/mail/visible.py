"""Put together what a person would see of a mail that is no reply: its plain text, else its HTML as text."""

from bot.mail.html_text import lines_of_html
from bot.mail.parts import Letter

LONGEST_CHARS = 256 * 1024


def visible_text(letter: Letter) -> str:
    """Return the words of a mail that stand in its own texts, not in a mail inside it."""
    plain = [part.text for part in letter.parts if part.kind == "text/plain"]
    if any(text.strip() for text in plain):
        return "\n".join(plain)[:LONGEST_CHARS]
    pages = [part.text for part in letter.parts if part.kind == "text/html"]
    return "\n".join("\n".join(lines_of_html(page)) for page in pages)[:LONGEST_CHARS]
