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
        r"message size exceed|maximum message size|recipsizelimit|"
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
        r"bo[iî]te .{0,20}pleine|buz[oó]n .{0,20}lleno|postfach .{0,20}voll|casella .{0,20}piena|"
        r"caixa .{0,20}cheia|zu ?viele (?:e-?)?mails|skrzynka .{0,20}(?:prze)?pe[lł]n|"
        r"postvak .{0,20}vol\b|переполнен"
    ),
    Reason.SPAM: (
        r"\bspam|unsolicited|junk ?mail|\bube\b|dnsbl|\brbl\b|/rbl|black ?list|block ?list|deny ?list|"
        r"blocked (?:using|by)|\(bl\)|query/bl|reputation|banned sending|(?<!not )\blisted (?:in|at|on)\b|"
        r"virus|"
        r"malware|infected|phish|suspicious"
    ),
    Reason.SENDER: (
        r"sender.{0,40}(?:rejected|denied|refused|not (?:allowed|exist|found)|invalid|unknown|verify|blocked|"
        r"domain must)|(?:(?:mail )?from|return|envelope)[ :-](?:address|domain|invalid)\b.{0,40}\b(?:exist|"
        r"invalid|unknown|not found|address)|(?:domain|address) of sender|from: (?:domain|address)|"
        r"unrout\w+ sender|gateway user|mail from .{0,60}(?:rejected|not|denied)|purported responsible|"
        r"\bdmarc\b|\bspf\b|\bdkim\b|authentication|unauthenticated|not authenticated|"
        r"relay(?:ing)?\b.{0,30}(?:denied|prohibited|not|refused)|(?:not|unable|cannot|denied).{0,20}\brelay|"
        r"reverse (?:dns|lookup|mapping)|\bptr\b|\brdns\b|helo|ehlo|client host|sending (?:ip|host|server|"
        r"domain)|aup#sndr|one or more recipients \(aup|not accepting mail from|valid sender domain|"
        r"your (?:ip|host|server|domain)\b|not a gateway|auth\w* (?:failed|required|mechanism)|"
        r"use me\b.{0,60}as a relay"
    ),
    Reason.POLICY: (
        r"policy|policies|aup#|administrative(?:ly)? (?:prohibit|den)|access denied|security|"
        r"not authori[sz]ed|not permitted|(?:not|only) .{0,20}members?\b|members.only|not allowed|"
        r"permission|restricted|prohibited|forbidden|"
        r"rejected by (?:the )?(?:administrator|rule|filter)|blocked"
    ),
    Reason.FILTERED: (
        r"recipient preferences?|recipient .{0,20}(?:refus|not accepting)|"
        r"refused by (?:the |intended )*recipient|not (?:provisioned|enabled|set up) (?:for|to)|"
        r"(?:rejected|refused) by (?:the )?intended|"
        r"(?:user|recipient|subscriber|customer) (?:has )?(?:refused|declined|does not (?:accept|want))"
    ),
    Reason.CONTENT: (
        r"(?:message|mail) content|content (?:rejected|not)|banned content|8-?bit data|malformed|"
        r"header.{0,20}(?:not accepted|invalid|missing)|addresses in from|attachment|"
        r"not (?:rfc|compliant)|bare lf|conversion"
    ),
    Reason.SUSPENDED: (
        r"(?:account|mailbox|user|recipient|address|subscriber|domain)\b.{0,60}\b(?:disabled|inactive|"
        r"suspend\w*|frozen|locked)|(?:account|mailbox|user|recipient|address|subscriber|"
        r"domain)\b.{0,60}\b(?:closed|deactivated|discontinued|bloqu\w+|not (?:yet )?activated)|\b(?:is|"
        r"been) (?:now |currently )?(?:disabled|deactivated|inactive|suspended)|(?:deactivated|disabled|"
        r"blocked|closed|expired) (?:due to|because|for)\b|(?:account|mailbox|user|recipient|address|"
        r"subscriber|domain)\b.{0,60}\bnot (?:currently )?active|(?:disabled|inactive|suspended|frozen|"
        r"deactivated|locked) (?:recipient|account|mailbox|user)|disatt+ivat|desactiv|inactiv[oa]s?\b|"
        r"deaktiviert|gesperrt|zablokowan|nieaktywn|отключен|заблокирован|停用|temporarily (?:not|"
        r"out)|(?:temporarily|currently) (?:inactive|unavailable|disabled|unknown|unable)|"
        r"account expired|out of (?:service|coverage)"
    ),
    Reason.MOVED: (
        r"no longer (?:accepts mail|on (?:this )?server|at this|with|works|employed|valid|in use|exists?|"
        r"available)|"
        r"has (?:been )?moved|moved to|not our (?:user|customer)|address (?:has )?changed"
    ),
    Reason.SYSTEM: (
        r"mailer error|internal (?:system )?error|service (?:currently |temporarily )?unavailable|"
        r"local configuration|temporary failure|disk|i/o error|system error|try again later"
    ),
    Reason.GONE: (
        r"(?:host|domain)(?: name)?(?: or domain name)?(?: [^ ]{1,80})?(?: is| was|"
        r" could)? (?:not (?:be )?(?:found|exist|reachable)|unknown|invalid|does(?:n't| not) (?:exist|accept|"
        r"receive))|unknown (?:host|domain)|no such (?:host|domain)|(?:system|address) does(?:n't|"
        r" not) (?:accept|receive)|unrout(?:e)?able|nxdomain|no (?:valid )?mx\b|null ?mx|no smtp service|"
        r"non-?existent (?:host|domain)|(?:could ?n.?t|cannot|can't|unable to|not) find any host|"
        r"illegal host|bad (?:destination )?(?:host|domain)|host name lookup|name service error"
    ),
    Reason.UNKNOWN: (
        r"unknown (?:user|recipient|address|mailbox|account|login|local|subscriber|or illegal|addressee)|"
        r"no (?:such|account|valid|local)\b.{0,12}\b(?:user|mailbox|recipient|account|person|address)|"
        r"no (?:such|mailbox)\b.{0,12}\b(?:here|by that|number|subscriber|name)|(?:user|recipient|mailbox|"
        r"account|address|addressee|subscriber|number|name|local.part|login|"
        r"userid)\b.{0,80}?not (?:be )?(?:found|exist|known|listed|recogni[sz]ed|registered|a? ?valid)|"
        r"(?:user|recipient|mailbox|account|address|addressee|subscriber|number|name|local.part|login|"
        r"userid)\b.{0,80}?(?:does(?:n't| not)|do(?:n't| not)) exist|(?:user|recipient|mailbox|account|"
        r"address|addressee|subscriber|number|name|local.part|login|userid)\b.{0,80}?(?:unknown|invalid|"
        r"n't be found|undeliverable|non-?existent)|not (?:a )?(?:valid|known|existing) (?:user|recipient|"
        r"mailbox|address|number|subscriber)|bad.?(?:destination )?(?:address|mailbox|recipient)|"
        r"addresses were unknown|mailbox unavailable|(?<!no )recipient rejected|rejected recipients|"
        r"(?:mailbox|account|user|number) (?:has been |was |is )?(?:deleted|removed)|no (?:user|mailbox|"
        r"recipient|record)s? (?:here|by|with|of|for|found)|recipients are (?:invalid|unknown)|"
        r"no such (?:phone|number|subscriber)|(?:msisdn|mdn) (?:is )?(?:unknown|invalid|not found)|(?:user|"
        r"mailbox|recipient) not (?:here|on this)|address(?:es)? not handled|undeliverable address|"
        r"not a (?:valid |working |known )?(?:wireless |mobile |cell |phone )?number|no longer a (?:valid|"
        r"working)|not (?:a )?(?:local|active|an active|present)\b|mailbox not present|no (?:mail ?box|"
        r"account|existe|one at)|(?:recipient|user) no found|cannot find destination|not in service|"
        r"recipient has been denied|invalid (?:mobile|phone|mdn|msisdn|subscriber)|"
        r"not a (?:valid )?(?:mobile|customer|subscriber(?! of)|phone)|invalid .{0,20}user ?id|"
        r"invalid (?:recipient|mailbox|address|user|number|destination)|non-?existent (?:user|mailbox|"
        r"recipient|address)|does(?:n't| not) have an? .{0,40}account|recipnotfound|not listed in|"
        r"address rejected|unallocated|is not .{0,40}\busers?\b|unknown or invalid|user unknown|"
        r"no such mail ?drop|no(?: ?one|body)\b.{0,20} (?:address|name)|(?:does(?:n't| not)|do(?:n't|"
        r" not)) handle (?:e?-?mail|messages) for|unrecogni[sz]ed (?:user|recipient|address|mailbox)|"
        r"(?:unable to|could(?:n't| not)|can(?:'t|not| not)) find (?:alias|user|recipient|mailbox)|(?:wrong|"
        r"incorrect|illegal|nonexistent) (?:user|recipient|mailbox|address|alias|account|number)|"
        r"number (?:is )?(?:un|not )(?:assigned|in use|provisioned|allocated)|not provisioned|存在しません|"
        r"見つかりません|(?<!可能)不存在|无此用户|查无此|존재하지 않|не (?:существует|найден)|неизвестн|"
        r"inconnu|n'existe pas|unbekannt|existiert nicht|nicht gefunden|keine? solche|descon[oh]\w*cid[oa]|"
        r"n[aã]?o (?:ha sido |foi )?(?:encontrad|existe)|ine[sx]istent|sconosciut|non (?:esiste|trovato)|"
        r"nie istnieje|nie ma takie|nieznany|bestaat niet|onbekend|finns inte|ok[aä]nd\b|findes ikke|"
        r"finnes ikke|ukendt|ukjent|tuntematon|ei ole olemassa|(?<!podobně )neexistuje|nezn[aá]m|"
        r"nem l[eé]tezik|bulunamad"
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
