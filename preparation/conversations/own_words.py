"""What the writer of a mail wrote, without what is quoted below, the signature and the lawyers' notice."""

import re
from collections.abc import Sequence

from preparation.noise import Removal

QUOTED = "quoted mail"
SIGNED = "signature of a mail"
NOTICE = "legal notice of a mail"

MARK = r"[*_\s]*"
ATTRIBUTION = re.compile(
    r"^(?:On .{6,200} wrote|Am .{6,200} schrieb .{0,120}|.{3,120} schrieb am .{6,120}|Le .{6,200} a écrit"
    r"|El .{6,200} escribió|Il .{6,200} ha scritto|Em .{6,200} escreveu|Op .{6,200} schreef .{0,120}"
    r"|(?:Den|På) .{6,200} skrev .{0,120}|W dniu .{6,200} (?:napisał|pisze).{0,120}"
    r"|.{6,200} (?:пишет|написал\(?а?\)?))"
    r"\s?:$",
    re.IGNORECASE,
)
DIVIDER = re.compile(
    r"^-{2,} ?(?:(?:Original|Forwarded) Message|(?:Ursprüngliche|Weitergeleitete) Nachricht"
    r"|Message (?:d'origine|transféré)|Mensaje (?:original|reenviado)|Messaggio originale"
    r"|Mensagem (?:original|encaminhada)|(?:Oorspronkelijk|Doorgestuurd) bericht) ?-{2,}$|^_{20,}$",
    re.IGNORECASE,
)
FROM = re.compile(rf"^{MARK}(?:From|Von|De|Da|Van|Fra|Från|Od|От):{MARK}\s*\S", re.IGNORECASE)
SENT = re.compile(
    rf"^{MARK}(?:Sent|Date|To|Gesendet|Datum|An|Envoyé|À|Enviado(?: el| em)?|Fecha|Para|Inviato|Data|A"
    rf"|Verzonden|Aan|Sendt|Skickat|Wysłano|Дата|Кому):{MARK}\s*\S",
    re.IGNORECASE,
)
SIGNATURE = re.compile(r"^(?:-- ?|—)$")
DEVICE = re.compile(
    r"^(?:Sent from my \w+.{0,40}|Get Outlook for \w+|Von meinem .{2,40} gesendet|Gesendet von .{2,60}"
    r"|Envoyé de mon .{2,40}|Enviado desde mi .{2,40}|Inviato da .{2,40}|Enviado do meu .{2,40}"
    r"|Verstuurd vanaf .{2,40})$",
    re.IGNORECASE,
)
LEGAL = re.compile(
    r"\b(?:confidential|privileged|intended (?:only|solely)|vertraulich|rechtlich geschützt|confidentie[lr]"
    r"|confidencial|riservat[oei]|vertrouwelijk)",
    re.IGNORECASE,
)
LEGAL_ABOUT = re.compile(
    r"\b(?:this|diese[rs]?|ce|este|esta|questo|questa|dit|deze)\s+(?:e-?mail|message|nachricht|courriel|mensaje|mensagem"
    r"|correo|messaggio|bericht)",
    re.IGNORECASE,
)


def own_words(texts: Sequence[str]) -> tuple[list[str], list[Removal]]:
    """Of the texts of one mail; those behind the quotation are empty. A mail that holds nothing but what it
    hands on keeps it."""
    lines = [line for text in texts for line in (*text.split("\n"), "\x00")]
    quoted = _quotation(lines)
    removed = [Removal(QUOTED, _shown(lines[quoted:]))] if quoted < len(lines) else []
    kept = [line for line in lines[:quoted] if not line.startswith(">")]
    if len(kept) < quoted and not removed:
        removed.append(Removal(QUOTED, _shown([line for line in lines if line.startswith(">")])))
    signed = next(
        (at for at, line in enumerate(kept) if SIGNATURE.match(line) or DEVICE.match(line)), len(kept)
    )
    if signed < len(kept):
        removed.append(Removal(SIGNED, _shown(kept[signed:])))
    kept, notices = _without_notices(kept[:signed])
    removed += [Removal(NOTICE, notice) for notice in notices]
    own = "\n".join(kept).split("\x00")
    if not any(map(str.strip, own)):
        return list(texts), []
    return [own[at].strip("\n") if at < len(own) else "" for at in range(len(texts))], removed


def _quotation(lines: Sequence[str]) -> int:
    """The line where what was written before begins and does not end again."""
    filled = [(at, line.strip()) for at, line in enumerate(lines) if line.strip(" \x00")]
    for place, (at, line) in enumerate(filled):
        after = [other for _, other in filled[place + 1 : place + 4]]
        # programs break the line that says who wrote when
        joined = f"{line} {after[0]}" if after and not line.endswith(":") else line
        told = ATTRIBUTION.match(line) or (ATTRIBUTION.match(joined) and len(line) < 100)
        if told and not _answered(filled[place + 1 :]):
            return at
        if DIVIDER.match(line) or (FROM.match(line) and any(map(SENT.match, after))):
            return at
        if line.endswith(":") and after and after[0].startswith(">") and not _answered(filled[place + 1 :]):
            return at
    return len(lines)


def _answered(below: Sequence[tuple[int, str]]) -> bool:
    """Whether the writer goes on between or below lines that are marked as quoted."""
    marked = [at for at, (_, line) in enumerate(below) if line.startswith(">")]
    rest = below[marked[0] :] if marked else []
    return any(not line.startswith(">") and not SIGNATURE.match(line) for _, line in rest)


def _without_notices(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    paragraphs = re.split(r"(\n[ \t]*\n)", "\n".join(lines))
    notices = [one for one in paragraphs if LEGAL.search(one) and LEGAL_ABOUT.search(one) and len(one) > 80]
    if not notices:
        return list(lines), []
    kept = "".join(one for one in paragraphs if one not in notices)
    return kept.split("\n"), notices


def _shown(lines: Sequence[str]) -> str:
    return "\n".join(lines).replace("\x00", "\n").strip()
