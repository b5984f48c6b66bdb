"""Formats of keys and tokens that vendors publish, and assignments of passwords in text and configuration.

detect-secrets' lists served as a check; its own patterns give values without their place, some match
ordinary words, and newer formats are missing.
"""

import re

KEYS = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      (?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}                       # AWS
    | gh[pousr]_[A-Za-z0-9]{36,255} | github_pat_[A-Za-z0-9_]{36,255}
    | gl(?:pat|dt|ft|soat|rt|cbt|ptt|agent|oas|imt)-[A-Za-z0-9_\-]{20,64}
    | xox[abeoprs]-[A-Za-z0-9-]{10,250} | xapp-[0-9]-[A-Za-z0-9-]{20,250}   # Slack
    | (?:sk|rk|pk|whsec)_(?:live|test)_[A-Za-z0-9]{16,250} | whsec_[A-Za-z0-9+/=]{24,}  # Stripe
    | sk-(?=[A-Za-z_\-]*[0-9])(?:proj-|svcacct-|admin-|ant-[a-z0-9]+-|or-v1-|None-)?[A-Za-z0-9_\-]{20,250}
    | AIza[A-Za-z0-9_\-]{35} | ya29\.[A-Za-z0-9_\-]{20,} | GOCSPX-[A-Za-z0-9_\-]{28}
    | hf_[A-Za-z0-9]{30,} | npm_[A-Za-z0-9]{36} | pypi-[A-Za-z0-9_\-]{50,}
    | SG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{30,64} | key-[0-9a-f]{32} | [0-9a-f]{32}-us[0-9]{1,2}
    | (?:SK|AC)[0-9a-f]{32}                                     # Twilio
    | [0-9]{8,10}:AA[A-Za-z0-9_\-]{33}                          # Telegram
    | [MNO][A-Za-z0-9_\-]{23,25}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,38}  # Discord
    | shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32} | do[opr]_v1_[a-f0-9]{64} | dapi[a-f0-9]{32}
    | sq0(?:atp|csp)-[A-Za-z0-9_\-]{22,43} | lin_api_[A-Za-z0-9]{40} | ntn_[A-Za-z0-9]{40,}
    | hv[sb]\.[A-Za-z0-9_\-]{24,} | tskey-[a-z]+-[A-Za-z0-9\-]{20,}
    | (?:gsk|fw|r8|sbp|figd|rubygems|shippo_live|tgp_v1|sntrys|sntryu|glsa|pscale_tkn|dckr_pat)_
      (?=[A-Za-z_\-]*[0-9])[A-Za-z0-9]{20,}[A-Za-z0-9_\-=.]*
    | (?:xai|pplx|nvapi|xkeysib|PMAK|NRAK|NRJS|pat-na1|pat-eu1)-(?=[A-Za-z_\-]*[0-9])[A-Za-z0-9_\-]{24,250}
    | AGE-SECRET-KEY-1[A-Z0-9]{50,} | ATATT3[A-Za-z0-9_\-=]{60,} | EAA[A-Za-z0-9]{60,}
    | LTAI[A-Za-z0-9]{16,24} | dp\.(?:pt|st|ct)\.[A-Za-z0-9]{40,} | secret_[A-Za-z0-9]{40,}
    | eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}      # JSON web token
    )(?![A-Za-z0-9])""",
    re.VERBOSE,
)
ACCOUNT_KEY = re.compile(
    r"(?<=AccountKey=)[A-Za-z0-9+/]{40,}={0,2}|(?<=SharedAccessKey=)[A-Za-z0-9+/]{40,}={0,2}"
)
HOOK = re.compile(r"(?<=hooks\.slack\.com/services/)T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{16,}")
PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:.*?-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|[\sA-Za-z0-9+/=:,\-]*)",
    re.DOTALL,
)
IN_URL = re.compile(r"(?<=://)([^\s/:@<>\"']{0,100}):([^\s/@<>\"']{1,200})(?=@[\w.\[])")
IN_QUERY = re.compile(
    r"(?<=[?&])((?:access_|auth_|id_|refresh_)?token|api_?key|key|sig|signature|secret|password)="
    r"([A-Za-z0-9_\-.~%+/]{16,})",
    re.IGNORECASE,
)
BEARER = re.compile(
    r"\b((?:Authorization:\s*)?(?:Bearer|Basic)\s+)((?=\S*[\d=])[A-Za-z0-9_\-.~+/]{16,}={0,2})"
)

_NAMES = (
    r"(?:[A-Za-z0-9]{1,40}[_\-.]){0,4}"
    r"(?:password|passwd|passphrase|passcode|pwd|pass|secret(?:[_\- ]?(?:access[_\- ]?)?key)?|apikey"
    r"|api[_\- ]?(?:key|token|secret)|access[_\- ]?(?:key|token)|auth[_\- ]?(?:key|token)|client[_\- ]?secret"
    r"|private[_\- ]?key|encryption[_\- ]?key|signing[_\- ]?key|refresh[_\- ]?token|bearer[_\- ]?token|token"
    r"|passwort|kennwort|contraseña|contrasena|mot de passe|wachtwoord|senha)"
    r"(?:[_\-](?:id|value|prod|dev|test))?"
)
# groups: name, sign, value
ASSIGNED = re.compile(
    rf"(?<![A-Za-z0-9_])({_NAMES})(['\"]?\s{{0,3}}(?:[:=]=?>?|:=|=>|\bis\b|\bist\b|\blautet\b|\best\b|\bes\b)\s{{0,3}}['\"`]?)"
    r"([^\s'\"`<>,;|]{4,200})",
    re.IGNORECASE,
)
OPTION = re.compile(rf"(--{_NAMES})(\s+)([^\s'\"`<>,;|\-][^\s'\"`<>,;|]{{3,200}})", re.IGNORECASE)
# placeholders, variables and calls, not secrets
NO_SECRET = re.compile(
    r"^(?:[*•.x_\-]+|none|null|nil|true|false|undefined|required|optional|empty|string|changeme|example|redacted"
    r"|hidden|secret|password|passwd|pass|pwd|token|.*(?:your|my|the)[_\-].*|[$%].*|.*[({\[].*|os\..*|env\..*|process\..*|self\..*"
    r"|https?:.*|.*\.(?:com|org|net|html?|py|js|md|txt|json|ya?ml)\b.*)[.!?)]*$",
    re.IGNORECASE,
)


def is_secret(name: str, sign: str, value: str) -> bool:
    """Whether the value assigned to a name such as `password` is one, rather than prose or code."""
    bare = value.rstrip(".!?)")
    if NO_SECRET.match(value) or bare.casefold() in name.casefold() or len(bare) < 4:
        return False
    digits, letters = any(map(str.isdigit, bare)), any(map(str.isalpha, bare))
    marks = any(not character.isalnum() and character not in "-_./" for character in bare)
    by_name = bool(re.search(r"pass|pwd|kennwort|contrase|wachtwoord|senha", name, re.IGNORECASE))
    if by_name:
        tight = sign.strip("'\" ") == "=" and len(bare) >= 6
        return (letters and (digits or marks)) or tight or (digits and len(bare) >= 6)
    return len(bare) >= 8 and digits and letters
