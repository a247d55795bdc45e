"""What the screen looks for, as data. Weights are basis points, per channel.

Patterns see a text's skeleton: lower case, look-alikes folded, single spaces. They take
any spelling of a letter that looks the same: i, l and 1, o and 0, m and rn, w and vv.
Each repetition is bounded, or cannot run past where the next match could start, so that
a pattern is linear in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Rule:
    """One sign of an attack. A user may ask for what a tool's output may not."""

    code: str
    message: str
    user_bp: int
    tool_bp: int
    expression: str

    def pattern(self, *, any_spelling: bool) -> re.Pattern[str]:
        """Return the pattern of the sign, in any spelling or as it is written."""
        spelled = _LETTER.sub(_any_spelling, self.expression)
        return re.compile(spelled if any_spelling else self.expression)


# Escapes, sets, numbers of repetitions and the heads of groups stay as they are.
_LETTER = re.compile(r"\\.|\[[^\]]*\]|\{[^}]*\}|\(\?[:=!<]+|[ilomw]")
_SPELLINGS = {
    "i": "[il1]",
    "l": "[il1]",
    "o": "[o0]",
    "m": "(?:m|rn)",
    "w": "(?:w|vv)",
}


def _any_spelling(found: re.Match[str]) -> str:
    return _SPELLINGS.get(found[0], found[0])


def _rule(code: str, message: str, user_bp: int, tool_bp: int, *parts: str) -> Rule:
    return Rule(code, message, user_bp, tool_bp, "|".join(parts))


_ORDERS = (
    r"(?:instruction|direction|prompt|rule|guideline|command|constraint|order|polic"
    r"|context|message|text|above|before|everything|training|safeguard|restriction"
    r"|anweisung|instruk|befehl|regel|instruccion|consigne)"
)
_SECRETS = (
    r"(?:password|passwd|passphrase|api[ _-]?key|access[ _-]?token|secret|credential"
    r"|private key|card number|credit card|passport number|cvv|ssn|session cookie"
    r"|seed phrase|confidential)"
)

RULES: tuple[Rule, ...] = (
    _rule(
        "instruction_override",
        "Asks to set aside the instructions that are in force.",
        7_500,
        8_500,
        r"\b(?:ignore|disregard|forget|override|bypass|neglect|overlook|skip|drop"
        r"|do not follow|don't follow|stop following|vergiss|vergessen sie|ignorier"
        r"|missachte|olvida|ignora|oublie)[a-z]{0,6}\b[^.\n]{0,50}\b" + _ORDERS,
        r"\b(?:new|updated|real|actual|revised) (?:system )?"
        r"(?:instructions?|prompt|directives?|rules)\s{0,2}(?:[:.-]|from|to follow)",
        r"\binstead of (?:that|this|the above)\b[^.\n]{0,30}\b(?:do|say|write|send)\b",
    ),
    _rule(
        "role_marker",
        "Contains markers that belong to the format of a conversation.",
        6_000,
        7_500,
        r"<\|[a-z_ ]{1,30}\|>",
        r"\[/?inst\]",
        r"<</?sys>>",
        r"</?(?:system|assistant|developer|tool_(?:call|result|response)"
        r"|function_(?:call|result)s?|instructions?)>",
        r"\{\{[#/]?(?:system|user|assistant)~?\}\}",
        r"<(?:start|end)_of_turn>",
    ),
    _rule(
        "role_line",
        "Has lines that begin like the turns of a conversation.",
        3_000,
        5_500,
        r"(?:^|\n) ?(?:#{1,6} ?)?(?:system|assistant|developer)"
        r"(?: (?:prompt|message))? ?:",
        r"(?:^|\n) ?#{2,6} ?(?:system|instructions?|assistant)\b",
    ),
    _rule(
        "tool_demand",
        "Asks to call a function.",
        2_000,
        5_500,
        r"\b(?:call|invoke|use|run|execute|trigger) (?:the|this|your) "
        r"(?:\w{1,30} )?(?:function|tool|api|command|endpoint)\b",
    ),
    _rule(
        "prompt_extraction",
        "Asks for the instructions themselves.",
        6_000,
        7_000,
        r"\b(?:reveal|show|print|repeat|output|display|tell|give|leak|expose|write out"
        r"|what (?:is|are|was|were))\b[^.\n]{0,40}\b(?:system|initial|hidden|original"
        r"|secret|previous|your|full|first)\b[^.\n]{0,20}\b(?:prompt|instruction)",
        r"\b(?:repeat|print|output)\b[^.\n]{0,20}\b(?:text|words|everything) above\b",
    ),
    _rule(
        "persona_override",
        "Asks for a part without rules.",
        5_500,
        6_500,
        r"\byou are (?:now|no longer)\b[^.\n]{0,60}\b(?:dan|unrestricted|unfiltered"
        r"|jailbr|developer mode|evil|free|bound|without|restrictions?|rules|filters?)",
        r"\b(?:developer|debug|god|dan|jailbreak|admin|sudo|maintenance) mode\b"
        r"[^.\n]{0,20}\b(?:on|enabled?|activated?|now)\b",
        r"\b(?:enter|enable|activate|switch to)\b[^.\n]{0,15}"
        r"\b(?:developer|debug|god|dan|jailbreak|unrestricted|admin) mode\b",
        r"\b(?:pretend|act as if|imagine|assume)\b[^.\n]{0,40}"
        r"\b(?:no|without(?: any)?)"
        r" (?:rules|restrictions|limits|guidelines|filters?)\b",
        r"\bdo anything now\b",
    ),
    _rule(
        "exfiltration",
        "Asks to send secrets away, or carries data out in an address.",
        6_000,
        7_500,
        r"\b(?:send|forward|post|upload|e-?mail|transmit|exfiltrate|leak|submit|share)"
        r"\b[^.\n]{0,60}\b" + _SECRETS,
        r"\b" + _SECRETS + r"[^.\n]{0,40}\b(?:to|at) (?:https?://|[\w.+-]{1,60}@)",
        r"!\[[^\[\]\n]{0,200}\]\(\s{0,2}(?:https?:)?//[^()!\s]{1,300}[?=\[{]",
    ),
    _rule(
        "approval_claim",
        "Claims an approval, or asks to go round it.",
        3_500,
        6_000,
        r"\b(?:already |pre-?)(?:approved|authori[sz]ed|cleared|confirmed) by\b",
        r"\bapproved by (?:the |a |your |my )?(?:manager|admin|owner|user|security)",
        r"\b(?:skip|without|bypass|no need for|do not (?:ask|wait) for|don't ask for)"
        r"\b[^.\n]{0,20}\b(?:approval|confirmation|confirming|permission|verification)",
    ),
    _rule(
        "demand_in_data",
        "Data that asks the reader to move money or to act.",
        0,
        4_500,
        r"\b(?:transfer|send|pay|wire|deposit|refund)\b[^.\n]{0,40}"
        r"(?:[$€£]\s?\d|\d[\d.,]{0,12} ?(?:usd|eur|gbp|dollars|euros?|btc)|\biban\b"
        r"|\b(?:bank )?account\b)",
        r"\b(?:send|forward|e-?mail)\b[^@.\n]{0,100}[^@.\n ]@",
        r"\b(?:please|you (?:must|should|need to)|(?:make|be) sure to|first|now),?"
        r" (?:also )?(?:delete|remove|transfer|purchase|buy|book|reserve|send|forward"
        r"|invite|grant|change|update|reset|execute|run|visit|open|click|call)\b",
    ),
    _rule(
        "address_to_model",
        "Data that speaks to the assistant itself.",
        1_500,
        5_500,
        r"\b(?:dear|hey|hello|attention|note to|(?:message|instructions?) (?:to|for)),?"
        r" (?:the |any |all )?(?:ai|llm|assistant|agent|chatbot|language model|model"
        r"|gpt|claude|gemini|copilot)\b",
        r"\bif you(?: are|'re) (?:an? )?"
        r"(?:ai|llm|assistant|agent|bot|language model)\b",
        r"\b(?:ai|llm) (?:assistants?|agents?|models?) (?:must|should|shall|need to)\b",
        r"\bbefore (?:you )?(?:continu|answer|respond|proceed|complet|solv|finish)"
        r"[a-z]{0,4}\b[^.\n]{0,60}\b(?:do|send|call|execute|run|transfer|visit|use)\b",
        r"<(?:information|important|urgent|admin)>",
    ),
    _rule(
        "hidden_markup",
        "Markup that a reader does not see.",
        1_500,
        4_000,
        r"<!--",
        r"display\s{0,2}:\s{0,2}none|visibility\s{0,2}:\s{0,2}hidden",
        r"font-size\s{0,2}:\s{0,2}0(?![.\d])|opacity\s{0,2}:\s{0,2}0(?![.\d])",
        r"<[a-z]{1,10} [^<>\n]{0,100}\bhidden\b",
    ),
)


@cache
def patterns(*, any_spelling: bool) -> tuple[tuple[Rule, re.Pattern[str]], ...]:
    """Return each rule with its pattern."""
    return tuple((rule, rule.pattern(any_spelling=any_spelling)) for rule in RULES)
