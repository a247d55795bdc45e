"""Characters that are taken for ASCII letters and digits. Generated: make lookalikes.

CONFUSABLE is Unicode's confusables data without what case, width or accents explain,
from confusable-homoglyphs 3.3.1. Copyright 1991-2024 Unicode, Inc., under the
Unicode License v3, https://www.unicode.org/license.txt. RESEMBLING are letters with
marks, letters that the name of another one describes, and a few by eye.
"""

from __future__ import annotations

from collections.abc import Mapping

CONFUSABLE: Mapping[str, str] = {
    "2": "\u01a7\u03e8\u14bf\ua644\ua6ef\ua75a",
    "3": "\u01b7\u021c\u0417\u04e0\u2ccc\ua76a\ua7ab\U000118ca\U00016f3b\U0001d206",
    "4": "\u13ce\U000118af",
    "5": "\u01bc\U000118bb",
    "6": "\u0431\u13ee\u2cd2\U000118d5",
    "7": "\U000104d2\U000118c6\U0001d212",
    "8": "\u0222\u0223\u09ea\u0a6a\u0b03\U0001031a\U0001e8cb",
    "9": "\u09ed\u0a67\u0b68\u0d6d\u2cca\ua76e\U000118ac\U000118cc\U000118d6",
    "a": "\u0251\u0391\u03b1\u0410\u0430\u13aa\u15c5\u237a\ua4ee\U000102a0\U00016f40",
    "aa": "\ua732\ua733",
    "ae": "\xc6\xe6\u04d4\u04d5",
    "ao": "\ua734\ua735",
    "au": "\ua736\ua737",
    "av": "\ua738\ua739\ua73a\ua73b",
    "ay": "\ua73c\ua73d",
    "b": (
        "\u0184\u0392\u0412\u042c\u13cf\u13f4\u1472\u15af\u15f7\ua4d0\ua7b4\U00010282"
        "\U000102a1\U00010301"
    ),
    "bl": "\u042b",
    "c": (
        "\u0421\u0441\u13df\u1d04\u2ca4\u2ca5\ua4da\uabaf\U000102a2\U00010302\U00010415"
        "\U0001043d\U0001051c\U000118e9\U000118f2\U0001f74c"
    ),
    "d": "\u0501\u13a0\u13e7\u146f\u15de\u15ea\ua4d2\ua4d3",
    "dz": "\u02a3",
    "e": (
        "\u0395\u0415\u0435\u04bd\u13ac\u212e\u22ff\u2d39\ua4f0\uab32\U00010286"
        "\U000118a6\U000118ae"
    ),
    "f": (
        "\u03dc\u0584\u15b4\u1e9d\ua4dd\ua798\ua799\uab35\U00010287\U000102a5\U00010525"
        "\U000118a2\U000118c2\U0001d213"
    ),
    "g": "\u018d\u0261\u050c\u0581\u13c0\u13f3\u1d83\ua4d6",
    "h": "\u0397\u041d\u04bb\u0570\u13bb\u13c2\u157c\u2c8e\ua4e7\U000102cf",
    "i": (
        "\u0131\u0196\u0269\u026a\u02db\u037a\u0399\u03b9\u0406\u0456\u04c0\u04cf\u13a5"
        "\u2373\u2c92\ua647\uab75\U000118c3"
    ),
    "j": "\u037f\u03f3\u0408\u0458\u13ab\u148d\ua4d9\ua7b2",
    "k": "\u039a\u041a\u13e6\u16d5\u2c94\ua4d7\U00010518",
    "l": (
        "\u01c0\u05c0\u05d5\u05df\u0627\u0661\u06f1\u07ca\u13de\u14aa\u16c1\u2223\u23fd"
        "\u2cd0\u2d4f\ua4e1\ua4f2\uffe8\U0001028a\U00010309\U00010320\U0001041b"
        "\U00010526\U000118a3\U000118b2\U00016f16\U00016f28\U0001d22a\U0001e8c7"
    ),
    "ll": "\u01c1\u05f0",
    "lo": "\u042e",
    "ls": "\u02aa",
    "lz": "\u02ab",
    "m": (
        "\u039c\u03fa\u041c\u13b7\u15f0\u16d6\u2c98\ua4df\U000102b0\U00010311\U00011700"
        "\U000118e3"
    ),
    "n": "\u039d\u0578\u057c\u2c9a\ua4e0\U00010513",
    "o": (
        "\u039f\u03bf\u03c3\u041e\u043e\u0555\u0585\u05e1\u0647\u0665\u06be\u06c1\u06d5"
        "\u06f5\u07c0\u0966\u09e6\u0a66\u0ae6\u0b20\u0b66\u0be6\u0c02\u0c66\u0c82\u0ce6"
        "\u0d02\u0d20\u0d66\u0d82\u0e50\u0ed0\u101d\u1040\u10ff\u12d0\u1d0f\u1d11\u2c9e"
        "\u2c9f\u2d54\u3007\ua4f3\uab3d\U00010292\U000102ab\U00010404\U0001042c"
        "\U000104c2\U000104ea\U00010516\U000114d0\U000118b5\U000118c8\U000118d7"
        "\U000118e0"
    ),
    "oe": "\u0152\u0153",
    "oo": "\ua698\ua699\ua74e\ua74f",
    "p": "\u03a1\u03c1\u0420\u0440\u13e2\u146d\u2374\u2ca2\u2ca3\ua4d1\U00010295",
    "q": "\u051b\u0563\u0566\u2d55",
    "r": (
        "\u01a6\u0433\u13a1\u13d2\u1587\u1d26\u2c85\ua4e3\uab47\uab48\uab81\U000104b4"
        "\U00016f35\U0001d216"
    ),
    "s": (
        "\u01bd\u0405\u0455\u054f\u13d5\u13da\ua4e2\ua731\uabaa\U00010296\U00010420"
        "\U00010448\U000118c1\U00016f3a"
    ),
    "t": (
        "\u03a4\u0422\u13a2\u22a4\u27d9\u2ca6\ua4d4\U00010297\U000102b1\U00010315"
        "\U000118bc\U00016f0a\U0001f768"
    ),
    "t3": "\ua728",
    "tf": "\ua777",
    "ts": "\u02a6",
    "u": (
        "\u028b\u03c5\u054d\u057d\u1200\u144c\u1d1c\u222a\u22c3\ua4f4\ua79f\uab4e\uab52"
        "\U000104ce\U000104f6\U000118b8\U000118d8\U00016f42"
    ),
    "ue": "\u1d6b",
    "uo": "\uab63",
    "v": (
        "\u03bd\u0474\u0475\u05d8\u0667\u06f7\u13d9\u142f\u1d20\u2228\u22c1\u2d38\ua4e6"
        "\ua6df\uaba9\U0001051d\U00011706\U000118a0\U000118c0\U00016f08\U0001d20d"
    ),
    "w": (
        "\u026f\u0461\u051c\u051d\u0561\u13b3\u13d4\u1d21\ua4ea\uab83\U0001170a"
        "\U0001170e\U0001170f\U000118e6\U000118ef"
    ),
    "x": (
        "\xd7\u03a7\u0425\u0445\u1541\u157d\u166d\u166e\u16b7\u2573\u292b\u292c\u2a2f"
        "\u2cac\u2d5d\ua4eb\ua7b3\U00010290\U000102b4\U00010317\U00010322\U00010527"
        "\U000118ec"
    ),
    "y": (
        "\u0263\u028f\u03a5\u03b3\u0423\u0443\u04ae\u04af\u10e7\u13a9\u13bd\u1d8c\u1eff"
        "\u2ca8\ua4ec\uab5a\U000102b2\U000118a4\U000118dc\U00016f43"
    ),
    "z": "\u0396\u13c3\u1d22\ua4dc\uab93\U000102f5\U000118a9\U000118c4\U000118e5",
}
RESEMBLING: Mapping[str, str] = {
    "2": "\u01bb",
    "3": "\u0498",
    "a": "\u023a\u1d00\u1d8f\u2c65\uab7a\U0001f150\U0001f170\U0001f1e6",
    "b": (
        "\u0180\u0181\u0182\u0183\u0243\u0253\u0299\u0411\u0432\u044c\u0462\u0463\u048c"
        "\u048d\u13fc\u1473\u1488\u1d6c\u1d80\ua796\ua797\U0001f151\U0001f171\U0001f1e7"
    ),
    "c": (
        "\u0187\u0188\u023b\u023c\u0255\u03c2\u04aa\u04ab\ua794\U0001f152\U0001f172"
        "\U0001f1e8"
    ),
    "d": (
        "\xd0\u0110\u0111\u0189\u018a\u018b\u018c\u0221\u0256\u0257\u1487\u1d05\u1d6d"
        "\u1d81\u1d91\uab70\U0001f153\U0001f173\U0001f1e9"
    ),
    "e": (
        "\u0190\u0246\u0247\u025b\u03b5\u0454\u04bf\u0510\u0511\u13cb\u1d07\u1d92\u2c78"
        "\u2c89\ua793\uab7c\uab9b\U00010401\U00010429\U000118ce\U00016f2d\U0001f154"
        "\U0001f174\U0001f1ea"
    ),
    "f": "\u0191\u0192\u1d6e\u1d82\ua730\U0001f155\U0001f175\U0001f1eb",
    "g": (
        "\u0193\u01e4\u01e5\u0260\u0262\u050d\u13fb\ua7a0\ua7a1\uab90\U0001f156"
        "\U0001f176\U0001f1ec"
    ),
    "h": (
        "\u0126\u0127\u0266\u029c\u043d\u045b\u04a2\u04c7\u04c9\u13f2\u2c67\u2c68\ua695"
        "\ua727\ua795\ua7aa\uab8b\U0001f157\U0001f177\U0001f1ed"
    ),
    "i": "\u0268\u1d7b\u1d7c\u1d96\U0001f158\U0001f178\U0001f1ee",
    "j": "\u0248\u0249\u029d\u1d0a\uab7b\U0001f159\U0001f179\U0001f1ef",
    "k": (
        "\u0138\u0198\u0199\u03ba\u043a\u049a\u049e\u1d0b\u1d84\u2c69\u2c6a\u2c95\ua740"
        "\ua741\ua742\ua743\ua744\ua745\ua7a2\ua7a3\uabb6\U0001f15a\U0001f17a\U0001f1f0"
    ),
    "l": (
        "\u0141\u0142\u0197\u019a\u0234\u023d\u026b\u026c\u026d\u029f\u05f1\u0673\u14b7"
        "\u1d85\u2c60\u2c61\u2c62\u2cd1\ua748\ua749\ua78e\ua7ad\uabae\U00010443"
        "\U0001f15b\U0001f17b\U0001f1f1"
    ),
    "m": (
        "\u028d\u043c\u04cd\u1d0d\u1d86\u2c6e\uab51\uab87\U0001f15c\U0001f17c\U0001f1f2"
    ),
    "n": (
        "\u019d\u019e\u0220\u0235\u0272\u0273\u0274\u03b7\u1d70\u1d87\ua790\ua791\ua7a4"
        "\ua7a5\U0001f15d\U0001f17d\U0001f1f3"
    ),
    "o": (
        "\xd8\xf8\u019f\u0275\u0398\u03b8\u0472\u0473\u04e8\u04e9\u0629\u06c3\u06ff"
        "\u13a4\u13be\u13eb\u2c7a\u2d31\u2d41\ua74a\ua74b\ua74c\ua74d\uab3e\uab74\uab8e"
        "\uabbb\U0001f15e\U0001f17e\U0001f1f4"
    ),
    "p": (
        "\u01a4\u01a5\u1486\u1d18\u1d29\u1d71\u1d7d\u1d88\u2c63\ua750\ua751\ua752\ua753"
        "\ua754\ua755\uabb2\U0001f15f\U0001f17f\U0001f1f5"
    ),
    "q": (
        "\u024b\u02a0\u1d90\ua756\ua757\ua758\ua759\ua7af\U0001f160\U0001f180\U0001f1f6"
    ),
    "r": (
        "\u024c\u024d\u027c\u027d\u027e\u0280\u0491\u0493\u1d72\u1d73\u1d89\u2c64\ua7a6"
        "\ua7a7\uab71\uaba2\U0001f161\U0001f181\U0001f1f7"
    ),
    "rn": "\u0271\u1d6f",
    "s": "\u023f\u0282\u1d74\u1d8a\u2c7e\ua7a8\ua7a9\U0001f162\U0001f182\U0001f1f8",
    "t": (
        "\u0166\u0167\u01ab\u01ac\u01ad\u01ae\u0236\u023e\u0288\u03c4\u0442\u04ac\u13bf"
        "\u1d1b\u1d75\u2c66\uab72\U0001f163\U0001f183\U0001f1f9"
    ),
    "u": (
        "\u0244\u13cc\u1467\u1d7e\u1d99\ua7b8\ua7b9\uab9c\U0001f164\U0001f184\U0001f1fa"
    ),
    "v": "\u01b2\u2c71\u2c74\ua75e\ua75f\U0001f165\U0001f185\U0001f1fb",
    "w": "\u047d\u2c72\u2c73\ua761\U000114c5\U0001f166\U0001f186\U0001f1fc",
    "x": "\u03c7\u04b2\u1d8d\U0001f167\U0001f187\U0001f1fd",
    "y": "\u01b3\u01b4\u024e\u024f\u04b0\u04b1\u1efe\U0001f168\U0001f188\U0001f1fe",
    "z": (
        "\u01b5\u01b6\u0224\u0225\u0240\u0290\u0291\u1d76\u1d8e\u2c6b\u2c6c\u2c7f"
        "\U0001f169\U0001f189\U0001f1ff"
    ),
}
