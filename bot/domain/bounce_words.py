"""List what mail servers write when a mail comes back, by why it did."""

import re
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a mail came back. Only the first three say that nobody can be reached there any more."""

    UNKNOWN = "unknown"  # no such number, mailbox or user
    MOVED = "moved"
    GONE = "gone"  # no such domain, or one that takes no mail
    SUSPENDED = "suspended"  # known there, but switched off for now
    FULL = "full"
    FILTERED = "filtered"  # the recipient's own filter
    QUOTA = "quota"  # too much from us, or from our account
    SPAM = "spam"
    POLICY = "policy"
    SENDER = "sender"  # it is the sender that is not taken
    CONTENT = "content"
    SIZE = "size"
    EXPIRED = "expired"
    NETWORK = "network"
    SYSTEM = "system"
    OTHER = "other"


# In lower case, a space for any white space. The first list that has a match decides: what names a cause
# beside the mailbox stands before what says that there is none, since servers begin many answers alike.
_WORDS: Final = {
    Reason.QUOTA: (
        r"daily (?:user )?(?:sending|message) (?:quota|limit)|sending (?:quota|limit)|"
        r"too many (?:connections|messages|e-?mails|concurrent|(?:unknown |invalid |bad )?(?:recipients|"
        r"users))|at a rate|rate[- ]?limit|"
        r"connection (?:frequency|rate)|throttl|unexpected volume|too (?:quickly|fast)|"
        r"(?:exceeded|reached) .{0,30}(?:messages|recipients|connections) per"
    ),
    Reason.SIZE: (
        r"too (?:big|large)|exceed(?:s|ed|ing)?\b.{0,40}\b(?:maximum|max|fixed|allowed)\b.{0,20}size|"
        r"message size exceeds|maximum message size|recipsizelimit|"
        r"size limit (?:for|exceed)|size too"
    ),
    Reason.FULL: (
        r"mailbox (?:is |was |has )?(?:full|over)|"
        r"(?:over|exceed\w*|reached|out of)\b.{0,30}(?:quota|storage|disk|space)|"
        r"\bquota\b|exceeded the local limit|overquota|over.?quota|"
        r"storage (?:allocation|space|limit)|"
        r"(?:inbox|folder|account|user|box) (?:is |was )?(?:over|full)|"
        r"not enough (?:disk |storage )?space|insufficient (?:disk |system )?(?:storage|space)|"
        r"max(?:imum)? (?:allowed )?(?:number of )?messages? (?:count|in|reached)|容量|いっぱい|"
        r"bo[iî]te .{0,20}pleine|buz[oó]n .{0,20}lleno|postfach .{0,20}voll|переполнен"
    ),
    Reason.SPAM: (
        r"\bspam|unsolicited|junk ?mail|\bube\b|dnsbl|\brbl\b|/rbl|black ?list|block ?list|deny ?list|"
        r"blocked (?:using|by)|\(bl\)|query/bl|reputation|banned sending|(?<!not )\blisted (?:in|at|on)\b|"
        r"virus|"
        r"malware|infected|phish|suspicious"
    ),
    Reason.SENDER: (
        r"sender.{0,40}(?:rejected|denied|refused|not (?:allowed|exist|found)|invalid|unknown|verify|"
        r"blocked|domain must)|"
        r"(?:domain|address) of sender|from: (?:domain|address)|unrout\w+ sender|gateway user|"
        r"mail from .{0,60}(?:rejected|not|denied)|purported responsible|"
        r"\bdmarc\b|\bspf\b|\bdkim\b|authentication|unauthenticated|not authenticated|"
        r"relay(?:ing)?\b.{0,30}(?:denied|prohibited|not|refused)|"
        r"(?:not|unable|cannot|denied).{0,20}\brelay|reverse (?:dns|lookup|mapping)|\bptr\b|\brdns\b|"
        r"helo|ehlo|client host|sending (?:ip|host|server|domain|user|address)|aup#sndr|"
        r"one or more recipients \(aup|not accepting mail from|valid sender domain|"
        r"your (?:ip|host|server|domain)\b"
    ),
    Reason.POLICY: (
        r"policy|policies|aup#|administrative(?:ly)? (?:prohibit|den)|access denied|security|"
        r"not authori[sz]ed|not permitted|(?:not|only) .{0,20}members?\b|members.only|not allowed|"
        r"permission|restricted|prohibited|forbidden|"
        r"rejected by (?:the )?(?:administrator|rule|filter)|blocked"
    ),
    Reason.FILTERED: (
        r"recipient preferences?|recipient .{0,20}(?:refus|not accepting)|"
        r"refused by (?:the )?recipient"
    ),
    Reason.CONTENT: (
        r"(?:message|mail) content|content (?:rejected|not)|banned content|8-?bit data|malformed|"
        r"header.{0,20}(?:not accepted|invalid|missing)|address(?:es)? in (?:the )?(?:from|header)|"
        r"header from|from header|attachment|"
        r"not (?:rfc|compliant)|bare lf|conversion"
    ),
    Reason.SUSPENDED: (
        r"(?:account|mailbox|user|recipient|address|subscriber|domain)\b.{0,60}\b(?:disabled|inactive|"
        r"suspend\w*|frozen|locked)|"
        r"(?:account|mailbox|user|recipient|address|subscriber|domain)\b.{0,60}\b(?:closed|deactivated|"
        r"discontinued|bloqu\w+)|"
        r"(?:account|mailbox|user|recipient|address|subscriber|domain)\b.{0,60}\bnot (?:currently )?active|"
        r"(?:disabled|inactive|suspended|frozen|deactivated|locked) (?:recipient|account|mailbox|user)|"
        r"(?:temporarily|currently) (?:inactive|unavailable|disabled|unknown|unable)|account expired|"
        r"out of (?:service|coverage)"
    ),
    Reason.MOVED: (
        r"no longer (?:accepts mail|on (?:this )?server|at this|with|works|employed|valid|in use|in service|"
        r"exists?|available)|"
        r"(?:account|mailbox|user|address|subscriber)(?: [^ ]{1,80})? (?:(?:has been|was|is) )?"
        r"(?:deleted|removed)\b|"
        r"left the (?:company|organi[sz]ation)|has (?:been )?moved(?! temporarily)|moved to|"
        r"not our (?:user|customer)|address (?:has )?changed"
    ),
    Reason.SYSTEM: (
        r"mailer error|internal (?:system )?error|service (?:currently |temporarily )?unavailable|"
        r"local configuration|temporary failure|maintenance|"
        r"(?:routing|mail) loop|too many hops|hop count|disk|i/o error|system error|try again later"
    ),
    Reason.GONE: (
        r"(?:host|domain)(?: name)?(?: or domain name)?(?: [^ ]{1,80})?(?: is| was|"
        r" could)? (?:not (?:be )?(?:found|exist|"
        r"reachable)|unknown|invalid|does(?:n't| not) (?:exist|accept|receive))|"
        r"unknown (?:host|domain)|no such (?:host|domain)|(?:system|address) does(?:n't| not) (?:accept|"
        r"receive)|"
        r"unrout(?:e)?able|nxdomain|no (?:valid )?mx\b|null mx|no smtp service|non-?existent (?:host|domain)|"
        r"(?:could ?n.?t|cannot|can't|unable to|not) find any host|illegal host|"
        r"bad (?:destination )?(?:host|domain)|domain (?:is )?not hosted|"
        r"host name lookup|name service error"
    ),
    Reason.UNKNOWN: (
        r"unknown (?:e-?mail |virtual |local |mobile |phone )?(?:user|number|recipient|address|mailbox|"
        r"account|login|local|subscriber|or illegal|addressee)|<[^<>@ ]{1,64}@[^<>@ ]{1,255}>:? not found|"
        r"no (?:such|account|valid|local)\b.{0,12}\b(?:user|mailbox|recipient|account|person|address)|"
        r"no (?:such|mailbox)\b.{0,12}\b(?:here|by that|number|subscriber|name)|"
        r"(?:user|recipient|mailbox|account|address|addressee|subscriber|number|name|rcpt|local.part|login|"
        r"userid)\b.{0,80}?not (?:be )?(?:found|exist|known|listed|recogni[sz]ed|registered|a? ?valid)|"
        r"(?:user|recipient|mailbox|account|address|addressee|subscriber|number|name|rcpt|local.part|login|"
        r"userid)\b.{0,80}?(?:does(?:n't| not)|do(?:n't| not)) exist|"
        r"(?:user|recipient|mailbox|account|address|addressee|subscriber|number|name|rcpt|local.part|login|"
        r"userid)\b.{0,80}?(?:unknown|invalid|n't be found|undeliverable|unavailable|non-?existent)|"
        r"(?:is|have|has) no (?:user|mailbox|account|recipient)\b|"
        r"could ?(?:not|n't) find (?:the |this |that )?(?:user|mailbox|recipient|account)\b|"
        r"not (?:a )?(?:valid|known|existing) (?:user|recipient|mailbox|address|number|subscriber)|"
        r"bad.?(?:destination )?(?:address|mailbox|recipient)|addresses were unknown|rejected recipients|"
        r"not (?:a )?(?:local|active|an active|present)\b|mailbox not present|no (?:mail ?box|account|"
        r"existe|one at)|"
        r"(?:recipient|user) no found|cannot find destination|not in service|recipient has been denied|"
        r"invalid (?:mobile|phone|mdn|msisdn|subscriber)|not an? (?:valid )?(?:mobile|"
        r"phone|(?:[^ ]{1,20} )?(?:customer|subscriber))|"
        r"invalid .{0,20}user ?id|invalid (?:recipient|mailbox|address|user|number|destination)|"
        r"non-?existent (?:user|mailbox|recipient|address)|does(?:n't| not) have an? .{0,40}account|"
        r"recipnotfound|not listed in|address rejected|unallocated|is not .{0,40}\busers?\b|"
        r"unknown or invalid|user unknown|存在しません|見つかりません|не (?:существует|найден)|inconnu|"
        r"n'existe pas|unbekannt|desconocid[oa]|nicht gefunden|n[aã]o existe|sconosciut[oa]|onbekend|"
        r"nie istnieje"
    ),
    Reason.EXPIRED: (
        r"expired|time[d ]? ?out|giving up|gave up|too long|not been collected|retry time|"
        r"will (?:be )?(?:retried|keep trying)|still being retried|delayed|"
        r"unable to deliver .{0,40}(?:days|hours|minutes)|"
        r"for the last \d+ (?:seconds|minutes|hours|days)|could not be delivered for|"
        r"cannot send message for|not yet been delivered"
    ),
    Reason.NETWORK: (
        r"connect(?:ion)?\b.{0,60}(?:refused|failed|reset|lost|closed|dropped)|network|unreachable|"
        r"no route|loop|too many hops|establish an smtp|temporary dns|lookup fail"
    ),
}
PATTERNS: Final = tuple((reason, re.compile(words)) for reason, words in _WORDS.items())
