"""Read what a bounce tells people: whom it could not reach, and the server's answer in it."""

import re
from dataclasses import dataclass, field

from bot.mail.headers import Headers, addresses, words
from bot.mail.parts import Letter

LONGEST_CHARS = 12_000
MOST_RECIPIENTS = 20
_FAR_CHARS = 1_500
_DAEMONS = (
    "mailer-daemon",
    "postmaster",
    "post_master",
    "poostmaster",
    "mail-daemon",
    "mailerdaemon",
    "mdaemon",
    "sysadmin",
    "@sns.amazonaws.com",
)
_DAEMON_NAMES = re.compile(
    r"mail(?:er)?[ ._-]?(?:daemon|delivery|system)|postmaster|system administrator|delivery sub"
)
_SUBJECT = re.compile(
    r"undeliver|non.?delivery|returned (?:e?mail|message)|return(?:ed|ing) to sender|failure (?:notice|"
    r"notification|delivery)|"
    r"deliver\w*[ :-].{0,30}(?:fail|problem|error|status|delay|incomplete)|fail\w* (?:to )?deliver|"
    r"mail (?:system )?error|"
    r"delayed (?:mail|message)|message .{0,20}delayed|(?:could not|cannot|unable to) (?:be )?(?:deliver|"
    r"send)|"
    r"error sending|delivery fail|mail fail|nondeliver|unzustellbar|non remis|メールエラー|配信|доставлен|"
    r"are not (?:a )?member"
)
_ANSWERED = re.compile(r"\s{0,4}(?:re|aw|sv|antw|fwd?|wg|tr|rv)\s?:")
_FAILED = re.compile(
    r"(?:not|n't|cannot|never|unable to|failed to|failure to)(?: yet)?(?: be| been| being)? (?:deliver|"
    r"reach|send|sent|pu |accept)|"
    r"undeliver|non.?deliver|deliver\w*\b.{0,80}(?:fail|error|problem|delay|unsuccessful|impossible)|"
    r"(?:fail\w*|error|problem)\b.{0,60}(?:deliver|send)|fatal error|address\w*(?:\(es\))? (?:had|failed)|"
    r"did not like our|"
    r"(?:user|recipient|mailbox|account|address|subscriber)\b.{0,60}(?:unknown|not found|full|disabled|"
    r"invalid|does ?n.t exist|rejected)|"
    r"unknown (?:user|recipient)|returned mail|mail system error|transcript of session|not a member|"
    r"has been rejected|was rejected|"
    r"无法(?:送达|发送|投递)|退信|投递失败|送信でき|届(?:き|け)ませ|配信(?:でき|され)ませ|エラー|"
    r"не (?:может быть|удалось) доставл|"
    r"n'a pas pu|nicht zugestellt|"
    r"no (?:se )?(?:ha podido|pudo) (?:ser )?entreg"
)
_ORIGINAL = re.compile(
    r"^(?:[->#*=_ ]{0,80}(?:below this line|this is a copy of|original message|message headers? follow|"
    r"start of returned|"
    r"returned message|unsent message|included is a copy|a copy of (?:the|your)|undelivered message|"
    r"header of the|"
    r"message header|your original|attachment is a copy|the (?:first|header|text) .{0,30}of (?:the|your)|"
    r"here is a copy|message contents|原文|送信メール|元のメール)[^\n]{0,120}|"
    r"(?:received|return-path|dkim-signature|mime-version|x-mailer|delivered-to):.{0,200})$",
    re.IGNORECASE | re.MULTILINE,
)
_REACHED = re.compile(r"\bsuccess(?:ful|ully)\b|(?:has been|was) (?:delivered|relayed)|return receipt|read:")
_ANSWER = re.compile(
    r"(?<![\w.\[/-])(?<!\w:)[45]\d\d(?=[ :,-]|$)|(?<![\d.])#?[45]\.\d{1,2}\.\d{1,3}(?![\d.])"
)
_AT_BODY = re.compile(
    r"end of data|final data|>>> (?:data|\.)\s{1,10}<<< 5|in reply to data|after (?:end of )?(?:data|"
    r"message)\b|\[(?:data|body)\]|failed after i sent the message"
)
_AT_SENDER = re.compile(
    r"(?:after|in reply to|our) mail from|\[mail[_ ]from\]|but (?:sender|my name) was rejected"
)
_AT_RECIPIENT = re.compile(r"rcpt[ _]to|after rcpt|does not like recipient")
# A pipelined DATA is answered after RCPT was refused: then the refusal was RCPT's.
_ALREADY_REFUSED = re.compile(
    r"need rcpt|no valid recipient|no recipients|need recipient|rcpt commands? (?:were|must)|valid rcpt|"
    r"<<< 503|>>> rcpt to:[^<]{0,400}(?:<[^<]{0,400})?<<< 5"
)
_DELAYED = re.compile(
    r"still being retried|warning only|will (?:be retried|continue to be|keep trying|be repeated)|"
    r"has not yet been delivered|"
    r"do not need to resend|no action is required|\(delay\)|attempts will continue"
)
_NAMED_AFTER = re.compile(r"following (?:recipient|address|user|destination)[^\n]{0,40}\n", re.IGNORECASE)
_ADDRESS_LINE = re.compile(
    r"(?:to[ :]|for |<|\* |- |"
    r".{0,60}SMTP=)?\s{0,8}['\"<]?([^\s'\"<>()\[\],;:]{1,64}@[^\s'\"<>()\[\],;:]{3,255})"
)


@dataclass(frozen=True, slots=True)
class Told:
    """What the words of a bounce say."""

    recipients: tuple[str, ...] = field(default=(), repr=False)
    answer: str = field(default="", repr=False)  # the lines with a server's answer
    rest: str = field(default="", repr=False)  # the others, up to the mail that came back
    at_sender: bool = False
    at_recipient: bool = False
    at_body: bool = False
    delayed: bool = False


def may_be_one(letter: Letter) -> bool:
    """Tell from the headers alone whether a mail without a report may say that another was not delivered."""
    return _from_a_daemon(letter) or _named_so(letter)


def is_told(letter: Letter, text: str) -> bool:
    """Tell whether a mail without a report says that another was not delivered: two signs of three."""
    story = _flat(_story(text).lower()[:_FAR_CHARS])
    signs = (_from_a_daemon(letter), _named_so(letter), bool(_FAILED.search(story)))
    return sum(signs) > 1 and not _REACHED.search(f"{_subject(letter)} {story}")


def told(letter: Letter, text: str) -> Told:
    """Read the words of a mail that is a bounce."""
    whole = _story(text)
    recipients = _recipients(letter.headers, whole)
    story = _about_the_first(whole, recipients)
    flat = _flat(story).lower()
    answer, rest = _apart(story)
    return Told(
        recipients=recipients,
        answer="\n".join(answer),
        rest="\n".join(rest),
        at_sender=bool(_AT_SENDER.search(flat)),
        at_recipient=bool(_AT_RECIPIENT.search(flat)),
        at_body=bool(_AT_BODY.search(flat)) and not _ALREADY_REFUSED.search(flat),
        delayed=bool(_DELAYED.search(flat) or _DELAYED.search(letter.headers.first("subject").lower())),
    )


def _story(text: str) -> str:
    start = text[:LONGEST_CHARS]
    found = _ORIGINAL.search(start, min(len(start), 20))
    return start[: found.start()] if found else start


def _about_the_first(story: str, recipients: tuple[str, ...]) -> str:
    """Leave out what is said of the other recipients, where each has a piece of its own."""
    folded = story.lower()
    if len(recipients) < 2 or len(folded) != len(story):
        return story
    others = [folded.find(other, folded.find(recipients[0])) for other in recipients[1:]]
    ends = [at for at in others if at > 0]
    piece = story[: min(ends)] if ends else story
    return piece if _ANSWER.search(piece) else story


def _flat(text: str) -> str:
    return " ".join(text.split())


def _apart(story: str) -> tuple[list[str], list[str]]:
    """Set the lines in which a server's answer stands, and what continues them, apart from the others."""
    answer: list[str] = []
    rest: list[str] = []
    going_on = 0
    for line in story.split("\n"):
        if _ANSWER.search(line):
            going_on = 3
        elif not line.strip():
            going_on = 0
        (answer if going_on else rest).append(line.strip())
        going_on = max(0, going_on - 1)
    return answer, rest


def _subject(letter: Letter) -> str:
    return words(letter.headers.first("subject")).lower()[:300]


def _named_so(letter: Letter) -> bool:
    subject = _subject(letter)
    return bool(_SUBJECT.search(subject)) and not _ANSWERED.match(subject)  # people answer bounces, too


def _from_a_daemon(letter: Letter) -> bool:
    headers = letter.headers
    if "x-failed-recipients" in headers or letter.options.get("report-type", "").lower() == "delivery-status":
        return True
    paths = headers.every("return-path")
    if paths and (paths[0].strip() in ("", "<>") or "mailer-daemon" in paths[0].lower()):
        return True
    sender = words(headers.first("from")).lower()[:300]
    return any(name in sender for name in _DAEMONS) or bool(_DAEMON_NAMES.search(sender)) or sender == "<>"


def _recipients(headers: Headers, story: str) -> tuple[str, ...]:
    named = addresses(headers.first("x-failed-recipients"))
    if named:
        return named[:MOST_RECIPIENTS]
    ours = {
        one
        for name in ("to", "from", "cc", "reply-to", "delivered-to")
        for one in addresses(headers.first(name))
    }
    start = _NAMED_AFTER.search(story)
    lines = story[start.end() if start else 0 :].split("\n")
    found = (match[1].strip(".").lower() for match in map(_ADDRESS_LINE.match, lines) if match)
    first = [one for one in dict.fromkeys(found) if one not in ours]
    if not first:
        first = [one for one in addresses(story.replace("\n", " ").replace("'", " ")) if one not in ours]
    return tuple(one for one in first if not one.startswith(("postmaster@", "mailer-daemon@")))[
        :MOST_RECIPIENTS
    ]
