"""Know what gateways put around the words of a phone: their own sentences, labels, footers and pictures.

The sentences are those of carriers all over the world, of which many have gone out of service; what is
alike in them is written once. To teach the bot another gateway, add its sentences here.
"""

import re
from dataclasses import dataclass
from typing import Final

# A paragraph of a phone's mail that begins so is the gateway's, to its end.
_SENTENCE: Final = re.compile(
    # You have received …, in English and otherwise
    r"you(?:'ve| have)(?: just)?(?: received| got| been sent)?(?: an?| the above)?(?: new)? (?:mms|"
    r"multimedia|pxt|flix|"
    r"(?:picture|photo|video|media|image)(?:/\w+)? (?:mail|message|msg))\b|"
    r"you(?:'ve| have) received(?: an?)?(?: new)? (?:text )?message\b|"
    r"u(?:'?ve| have) received an? (?:video|picture|photo|mms)|"
    r"vous avez re.{1,10}u un (?:mms|message|nouveau)|ce message (?:vous )?a .{1,10}t.{1,10} envoy|"
    r"diese (?:nachricht|mms|e-?mail) wurde|(?:sie haben|du hast) eine (?:neue )?(?:mms|multimedia|"
    r"bildnachricht)|"
    r"meldingen er sendt|du har (?:f.{1,3}tt|mottatt|modtaget) (?:en|et|ett) (?:mms|multimedi|bild|bilde|"
    r"besked)|"
    r"otrzyma.{1,10} (?:wiadomo|mms)|masz now\S{1,6} (?:mms|wiadomo)|olet saanut (?:mms|multimedia|kuva)|"
    r"(?:u hebt|je hebt|u heeft) een (?:mms|multimedia)|hai ricevuto un (?:mms|messaggio)|"
    r"(?:ha|has) recibido un (?:mms|mensaje)|(?:voc.{1,3} )?recebeu um(?:a)? (?:mms|mensagem)|"
    # This message was sent …
    r"this is an? (?:mms|multimedia|(?:picture|video|media|text|multi-part)[ -](?:message|mail))\b|"
    r"this .{0,60}?(?:message|mms|e-?mail)\b.{0,40}? (?:was|has been|is) (?:sent|delivered|brought|created|"
    r"optimi[sz]ed) "
    r"(?:to you )?(?:using|from|by|via|with|through|wirefree|for)\b|"
    r"this (?:message|e-?mail|mms) (?:contains multimedia|is from\s+an? .{0,40}user)|"
    r"(?:--\s{1,3})?this orange multi ?media message|message from memova|"
    r"(?:a )?new (?:picture|video|photo|multimedia)\S{0,12} (?:mail|message|msg)|"
    r"(?:picture|photo|video) (?:(?:mail|message|messaging) )?from your .{2,30} friend|"
    r"sent (?:by text messaging|(?:by|via|from|using|with) (?:an? |the |my |your )?\S{1,20} (?:mms|mobile|"
    r"wireless|network))|"
    r"envoyé (?:par messagerie|d'un appareil|depuis un|à partir d'un)|"
    r"(?:message|mms) delivered by|powered by|brought to you by|mobile e-?mail from an?|"
    r"thank you for using .{0,40}messag|.{0,40}\bhas no control over, and is not responsible|"
    # How to look at it, answer it, or buy more
    r"(?:click|tap|press) (?:here|go/view|(?:on )?(?:the )?(?:link|button) (?:below|to))|"
    r"to (?:learn (?:how you can|more about)|play (?:the |this )?video messages|send a reply,|"
    r"reply to this (?:media|mms|picture)|"
    r"save this picture|see (?:the|this) message correctly|view (?:the|this|your) (?:message|picture|photo|"
    r"video)|"
    r"get more information (?:on|about)|find out more (?:about|visit|go)|download (?:the|quick))|"
    r"it's free to reply|hit reply, type|you can (?:use the once-only|only reply once)|"
    r"simply take a picture, or|"
    r"if you(?:'re| are) an? \S{1,20} (?:customer|subscriber|user)|if you do(?:n't| not) (?:hear or see|"
    r"have a camera phone)|"
    r"if you (?:can't|cannot) (?:see|view|play|open|hear) (?:the|this) (?:file|message|picture|image|video|"
    r"mms|attachment)|"
    r"(?:send and receive|sending and receiving) (?:pictures?|videos?|photos?)|macintosh users can|"
    r"for (?:more|further) information (?:about|on|go to|visit|please)|please note: you|"
    r"please be aware your friends|"
    r"note:?\s{1,3}(?:this message contains|to play|during the)|quicktime\b|"
    r"get (?:the )?(?:latest )?quicktime|"
    r"we're sorry, this page is not available|.{0,100}\ball rights reserved|copyright\b|©|\(c\) ?(?:19|"
    r"20)\d\d|"
    r"view (?:the )?(?:entire |picture |video |photo )?message\b.{0,40}$|view (?:picture|video)$|"
    r"order prints|reply to (?:sender|all)$|"
    r"vous pouvez (?:.{0,12}galement|y r.{1,10}pondre)|votre message arrivera|pour obtenir plus d|"
    r"si vous ne voyez|"
    r"wenn sie mehr über|.{0,20}easy mail$|i-memova|"
    # A line that says nothing
    r"\(?no subject\)?$|\[picture inserted|\.$|(?:multimedia|mms|new) message\W{0,3}$|"
    r"wiadomo.{1,8} multimedialna|"
    r"(?:picture|video|photo)(?:/\w+)? ?(?:mail|message)s?\W{0,2}$|new page \d+$|"
    r"(?:orange \w{2,12} mms|unicel|vodafone mms-to-email service)\W{0,2}$",
    re.IGNORECASE,
)
# A line alone that is a label, a menu or the name of a file.
_FURNITURE: Final = re.compile(
    r"(?:from|to|cc|bcc|subject|date|sent|message|text|options)\s?:\s?|options|forward|"
    r"(?:from|to|cc|subject) ?: .{0,200}|(?!\.{2,5}\Z)[-=_*#~.|\s]{1,200}|_[a-z]{7}|image/(?:jpe?g|gif|png)|"
    r"[\w ()%.-]{1,80}\.(?:jpe?g|gif|png|bmp|3gpp?2?|3g2|mp4|amr|smil?)",
    re.IGNORECASE,
)
# From here on all is the gateway's.
LAST: Final = re.compile(
    r"to respond to this text message, reply|your account <?https://voice\.google\b", re.IGNORECASE
)
# What stands after such a label is what was typed, up to the gateway's next sentence.
LABEL: Final = re.compile(
    r"(?:message|text|nachricht|mensaje|messaggio|melding|tekst)\s?:\s{0,3}", re.IGNORECASE
)
AFTER_LABEL: Final = re.compile(
    r"(?:options|view (?:entire )?(?:message|picture|video).{0,20}|reply to (?:sender|all)|-{3,80}|"
    r"_{3,80})\s?",
    re.IGNORECASE,
)
# A subject that says nothing.
EMPTY_SUBJECT: Final = re.compile(
    r"(?:(?:re|fwd?|aw|sv|antw|tr|rv)\s?:\s?)*(?:\W{0,6}|(?:(?:a|an|new) )?(?:mms|multimedia|picture|photo|"
    r"video|text|media|pxt)?"
    r"(?:/\w{1,12})? ?(?:message|mail|msg)\W{0,3}|\(?no subject\)?|(?:img|image|photo|picture|pic|dsc|"
    r"video|mov)[\w() -]{0,20}|"
    r"[\w ()-]{1,40}\.\w{3,4}|you have .{0,120}|.{0,20}(?:multimedia|mms).{0,20})",
    re.IGNORECASE,
)
# Pictures that belong to the mail's looks, not to what was sent.
ORNAMENT: Final = re.compile(
    r".{0,120}(?:logo|spacer|banner|header|footer|divider|masthead|dotted ?line|bluebar|greenbar|topbar|"
    r"bottom|top\.gif|middle|"
    r"border|bullet|button|btn|icon|reply\.|tmobilespace|tpm\.jpg|vf\d\.|reb\.jpg|audio\.gif|video\.gif|"
    r"space\.).{0,60}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Habit:
    """What is special of one family of gateways."""

    domains: tuple[str, ...]
    subject: bool = False  # what was typed may stand in the subject alone
    html: bool = True  # the HTML may hold what was typed
    numbers: bool = False  # the number stands where no address shows it


HABITS: Final = (
    Habit(("1nbox.net",), subject=True, html=False),
    Habit(("tmomail.net", "mms.t-mobile.co.uk", "mmsreply.t-mobile.co.uk"), subject=True),
    Habit(("vmpix.com", "vmobl.com", "pixmbl.com", "yrmobl.com", "vmobile.ca"), subject=True),
    Habit(("mms.mobileiam.ma", "mms.mtn.co.za", "waw.plspictures.com", "mobile.indosat.net.id"), html=False),
    Habit(("pm.sprint.com", "messaging.sprintpcs.com", "sprintpcs.com"), numbers=True),
)
PLAIN: Final = Habit(())
# Where phones write from by mail, beyond the list of carriers; also what stands below one of these.
_DOMAINS: Final = frozenset(
    (
        *("3ireland.ie", "alltel.com", "att.net", "txt.att.net", "bell.ca", "blackberry.net"),
        *(
            "cingularme.com",
            "dobson.net",
            "fi.google.com",
            "txt.voice.google.com",
            "gocbw.com",
            "indosat.net.id",
            "info2go.com",
            "labwig.net",
        ),
        *("luxgsm.lu", "mediamessaging.o2.co.uk", "mmode.com", "mms.ae", "mms.att.net"),
        *("mms.netcom.no", "mms.o2online.de", "mms.three.co.uk", "mms.uscc.net"),
        *("mms.vodacom4me.co.za", "mmsemail.orange.pl", "mobileiam.ma", "mtn.co.za", "mycingular.com"),
        *("mycricket.com", "myhelio.com", "nextel.com", "orangemms.net", "plspictures.com"),
        *("pm.sprint.com", "pxt.vodafone.net.nz", "rci.rogers.com", "sasktel.com", "sprintpcs.com"),
        *("suncom.com", "telus.com", "telusmobility.com", "tmomail.net", "txt.bell.ca", "unicel.com"),
        *("uscc.net", "vmobile.ca", "vmpix.com", "vtext.com", "vzwpix.com", "1nbox.net"),
    )
)


def is_sentence(line: str) -> bool:
    """Tell whether a paragraph that begins with this line is the gateway's."""
    return bool(_SENTENCE.match(line[:400]))


def is_furniture(line: str) -> bool:
    """Tell whether a line is a label, a rule, a menu or the name of a file."""
    return bool(line and _FURNITURE.fullmatch(line[:400]))


def is_own(line: str) -> bool:
    """Tell whether a line is the gateway's in one way or the other."""
    return is_sentence(line) or is_furniture(line)


def habit_of(domain: str) -> Habit:
    """Return what is known of a gateway by its domain."""
    return next((habit for habit in HABITS if any(_is_at(domain, one) for one in habit.domains)), PLAIN)


def is_gateway(domain: str) -> bool:
    """Tell whether mails from this domain come from phones."""
    pieces = domain.split(".")
    if pieces[0] in ("mms", "sms", "txt", "pxt", "text", "msg", "mmsemail") and len(pieces) > 2:
        return True
    return any(".".join(pieces[at:]) in _DOMAINS for at in range(len(pieces)))


def _is_at(domain: str, known: str) -> bool:
    return domain == known or domain.endswith(f".{known}")
