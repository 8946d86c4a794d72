"""Know what mail programs add to a reply: quotes, headers, signatures, "Sent from my phone"."""

import re
from typing import Final

_WROTE: Final = (
    r"wrote|writes|said|a écrit|écrit|schrieb\b.{0,80}|escribió|ha scritto|scrive|schreef|escreveu|skrev|"
    r"napisał(?:\(a\)|a)?|"
    r"пишет|писал(?:\(а\)|а)?|пише|написал(?:\(а\)|а)?|kirjoitti|yazdı|写道|のメッセージ|geschreven|"
    r"heeft .{0,80}geschreven|"
    r"het volgende geschreven|v\S{0,4} napsal\(a\)|napsal\(?a?\)?|a scris|írta|написав|έγραψε"
)
WRITTEN_BY: Final = re.compile(
    rf"(?=.{{0,300}}(?:[@\d<]|https?:)).{{0,300}}\b(?:{_WROTE})\s{{0,3}}[::]?\s{{0,3}}>?:?", re.IGNORECASE
)
BY_DATE: Final = re.compile(
    r"(?:on|le|am|el|il|op|em|den|w dniu|dnia|pe|le|på|ha|в|"
    r"на)?\s{0,2}.{0,40}\d{1,4}.{0,120}<?[^\s<>@]{1,64}@[^\s<>@]{1,200}>{0,2}:",
    re.IGNORECASE,
)
# How such a line may begin where it goes on in the next one.
BEGINS: Final = re.compile(
    r"[\s*>]{0,4}(?:(?:on|le|am|el|il|op|em|den|w dniu|dnia|pe|på|ha|в|на|ons|man|tir|tor|fre|lør|søn|mer|"
    r"jeu|lun|mar|ven|sam|"
    r"dim)\b.{0,40}\d|\d{1,4}[ ./年-]|.{0,120}[<@])",
    re.IGNORECASE,
)
RULED_BY: Final = re.compile(
    r"\s{0,4}-{2,20}\s?(?:on|le|am|el) .{5,300}\b(?:wrote|a écrit|schrieb|escribió)\s?-{2,20}", re.IGNORECASE
)
RULED: Final = re.compile(r"[\s*>|]{0,4}[-_=*~—]{2,60}\s?[^-_=]{2,60}?\s?[-_=*~—]{2,60}[\s*:]{0,4}")
RULED_WORDS: Final = re.compile(
    r"original|forwarded|message|nachricht|mensaje|mensagem|messaggio|bericht|wiadomość|meddelande|mail|"
    r"e-post|сообщение|письмо|"
    r"reply|転送|メッセージ|weitergeleitet|transféré|reenviado",
    re.IGNORECASE,
)
HEADER: Final = re.compile(
    r"[\s*>|]{0,4}(?:from|de|von|da|van|od|från|fra|от|від|отправитель|kimden|lähettäjä|发件人|"
    r"差出人)\s?\*?[::]\*?\s?\S.{0,300}",
    re.IGNORECASE,
)
NEXT_HEADER: Final = re.compile(
    r"[\s*>|]{0,4}(?:sent|date|to|cc|subject|reply-to|on behalf of|envoyé|à|objet|gesendet|an|betreff|"
    r"datum|enviado(?: el)?|para|"
    r"fecha|asunto|assunto|data|inviato|a|oggetto|verzonden|aan|onderwerp|wysłano|do|temat|skickat|till|"
    r"ämne|sendt|til|emne|"
    r"дата|кому|тема|отправлено|发送时间|收件人|主题|送信日時|宛先|件名)\s?\*?[::]\*?.{0,300}",
    re.IGNORECASE,
)
FULL_RULE: Final = re.compile(r"\s{0,4}[_=-]{8,100}\s{0,4}")
SIGNATURE: Final = re.compile(r"\s{0,2}(?:--|—|––|- -)\s{0,3}|_{2,80}\s{0,3}|-{5,80}\s{0,3}")
_DEVICES: Final = (
    r"phone|smartphone|iphone|ipad|mobile|mail|e-mail|app|device|tablet|network|wireless|blackberry|"
    r"android|droid|"
    r"outlook|gmail|samsung|galaxy|pixel|nokia|windows|messaging|verizon|at&t|sprint|t-mobile|aol|telefon|"
    r"handy|"
    r"téléphone|móvil|celular"
)
SENT_FROM: Final = re.compile(
    r"\s{0,4}[\[(<*_]{0,3}(?:"
    r"(?:sent|posted|typed|written)\b.{0,12}\b(?:from|via|by|using|with|on|through)\b "
    rf"(?:(?:my|your)\b.{{1,100}}|.{{0,60}}\b(?:{_DEVICES})s?\b.{{0,80}})|"
    r"from my (?:htc|iphone|ipad|android|samsung|phone|mobile|blackberry|galaxy|pixel)\b.{0,80}|"
    r"(?:envoyé (?:de(?:puis)? mon|par|à partir de)|gesendet (?:von|mit|über)|enviado (?:desde|do|de) m|"
    r"enviado a partir d|inviato da|verstuurd vanaf|wysłano z|"
    rf"verzonden (?:vanaf|met|via)|wysłane z|skickat från min|sendt fra min|"
    rf"отправлено с).{{0,40}}\b(?:{_DEVICES})\b.{{0,60}}|"
    r"von meinem .{1,40} gesendet|lähetetty .{0,60}|отправлено (?:с|из) .{0,60}|"
    r"iphoneから送信|发自我的.{0,40}|iphone.{1,12} gönderildi|"
    r"get outlook for .{0,60}|"
    r"(?:holen sie sich|obtener|télécharger|ottieni) outlook (?:für|para|pour|per) .{0,60}|"
    r"outlook für (?:ios|android) (?:beziehen|herunterladen)|"
    r"this mobile text message is brought to you by.{0,80}"
    r")[\])>*_.]{0,4}(?:\(?<?https?://\S{1,200})?\s{0,4}",
    re.IGNORECASE,
)
DISCLAIMER: Final = re.compile(
    r"\s{0,4}[*_]{0,3}(?:confidentiality notice|disclaimer\b|privileged (?:and|/) confidential|"
    r"this (?:e-?mail|message|communication)"
    r"(?: and any (?:files|attachments)\b.{0,60})?,? (?:is|are|may|contains?|"
    r"was sent).{0,80}(?:confidential|privileged|intended)|"
    r"the information (?:contained )?in this (?:e-?mail|message)).{0,4000}",
    re.IGNORECASE,
)
