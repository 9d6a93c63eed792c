"""Headers of attachments as mail carries them: such that name a program, and harmless ones that look so."""

from __future__ import annotations

import base64


def word(text: str, charset: str = "utf-8") -> str:
    """An encoded word of the kind B."""
    return f"=?{charset}?B?{base64.b64encode(text.encode(charset)).decode()}?="


#: Each names a file that ends in .exe or .tar.gz; line breaks are folds.
REFUSED = {
    "quoted": 'Content-Type: application/octet-stream; name="setup.exe"',
    "bare": "Content-Type: application/octet-stream; name=setup.exe",
    "bare, not the last": "Content-Type: application/octet-stream; name=setup.exe; charset=x",
    "bare and blank": "Content-Disposition: attachment; filename=my setup.exe",
    "bare and a comment": "Content-Disposition: attachment; filename=setup.exe (run me)",
    "single quotes": "Content-Disposition: attachment; filename='setup.exe'",
    "filename": 'Content-Disposition: attachment; filename="setup.exe"',
    "inline": 'Content-Disposition: inline; filename="setup.exe"',
    "upper case": 'CONTENT-DISPOSITION: ATTACHMENT; FILENAME="SETUP.EXE"',
    "mixed case": 'Content-Disposition: attachment; FileName="Setup.eXe"',
    "no blank": 'Content-Disposition:attachment;filename="setup.exe"',
    "blanks": 'Content-Disposition :  attachment ; filename  =  "setup.exe"  ; size=3',
    "tabs": 'Content-Disposition: attachment;\tfilename\t=\t"setup.exe"',
    "folded": 'Content-Disposition: attachment;\n filename="setup.exe"',
    "folded with a tab": 'Content-Type: application/x-msdownload;\n\tname="setup.exe"',
    "folded behind the name": 'Content-Disposition: attachment; filename=\n "setup.exe"',
    "folded in the name": 'Content-Disposition: attachment; filename="the\n setup.exe"',
    "folded in the extension": 'Content-Disposition: attachment; filename="setup.e\n xe"',
    "trailing dot": 'Content-Disposition: attachment; filename="setup.exe."',
    "trailing blank": 'Content-Disposition: attachment; filename="setup.exe "',
    "trailing blanks and dots": 'Content-Disposition: attachment; filename="setup.exe. . "',
    "trailing dot, bare": "Content-Disposition: attachment; filename=setup.exe.",
    "no end of the quotes": 'Content-Disposition: attachment; filename="setup.exe',
    "backslashes": r'Content-Disposition: attachment; filename="s\etup.\ex\e"',
    "quotes in quotes": r'Content-Disposition: attachment; filename="the \"best\".exe"',
    "semicolon in quotes": 'Content-Disposition: attachment; filename="a;b.exe"',
    "only an extension": 'Content-Disposition: attachment; filename=".exe"',
    "two dots": 'Content-Disposition: attachment; filename="report.pdf.exe"',
    "two names": 'Content-Disposition: attachment; filename="a.txt"; filename*=utf-8\'\'a.exe',
    "extension with a dot": 'Content-Disposition: attachment; filename="backup.tar.gz"',
    "8 bit": 'Content-Disposition: attachment; filename="für.exe"',
    "RFC 2231": "Content-Disposition: attachment; filename*=utf-8''setup.exe",
    "RFC 2231 with a language": "Content-Disposition: attachment; filename*=iso-8859-1'de'f%FCr.exe",
    "RFC 2231, nothing said": "Content-Disposition: attachment; filename*=''setup.exe",
    "RFC 2231, encoded dot": "Content-Type: application/x; name*=utf-8''setup%2Eexe",
    "RFC 2231, encoded letters": "Content-Type: application/x; name*=utf-8''setup.%65%58e",
    "RFC 2231, encoded blank": "Content-Type: application/x; name*=utf-8''setup.exe%20",
    "RFC 2231, quoted all the same": "Content-Type: application/x; name*=\"utf-8''setup.exe\"",
    "pieces": 'Content-Disposition: attachment; filename*0="setup"; filename*1=".exe"',
    "pieces, bare": "Content-Disposition: attachment; filename*0=setup; filename*1=.exe",
    "pieces, one": 'Content-Disposition: attachment; filename*0="setup.exe"',
    "pieces, folded": 'Content-Type: application/x;\n\tname*0="set";\n\tname*1="up.exe";\n\tcharset=x',
    "pieces, split extension": 'Content-Disposition: attachment; filename*0="setup.e"; filename*1="xe"',
    "pieces, every letter": "Content-Type: x/y; name*0=a; name*1=.; name*2=e; name*3=x; name*4=e",
    "pieces, charset": "Content-Type: a/b; name*0*=utf-8''set; name*1*=up%2e; name*2=exe",
    "pieces, empty last": 'Content-Disposition: attachment; filename*0="setup.exe"; filename*1=""',
    "pieces, another behind": 'Content-Disposition: attachment; filename*0="a.exe"; name*1="b"',
    "pieces, bare and a comment": "Content-Type: a/b; name*0=setup; name*1=.exe (run me)",
    "pieces, and rubbish": 'Content-Disposition: attachment; filename*0="setup.exe"x; size=3',
    "pieces, ten": f"Content-Type: x/y{''.join(f'; name*{n}=part' for n in range(11))}; name*11=.exe",
    "pieces in disorder": 'Content-Disposition: attachment; filename*1="xe"; filename*0="setup.e"',
    "word Q": 'Content-Disposition: attachment; filename="=?utf-8?Q?f=C3=BCr.exe?="',
    "word Q, bare": "Content-Type: application/x; name==?utf-8?q?setup.exe?=",
    "word Q, encoded dot": 'Content-Type: application/x; name="=?utf-8?Q?setup=2Eexe?="',
    "word Q, encoded all": 'Content-Type: application/x; name="=?utf-8?Q?=2e=65=58=65?="',
    "word Q, trailing blank": 'Content-Type: application/x; name="=?utf-8?Q?setup.exe_?="',
    "word Q and text": 'Content-Type: application/x; name="=?utf-8?Q?f=C3=BCr?=.exe"',
    "text and word Q": 'Content-Type: application/x; name="setup.=?utf-8?Q?exe?="',
    "words Q": 'Content-Type: application/x; name="=?utf-8?Q?setup.e?=\n =?utf-8?Q?xe?="',
    "words Q, bare": "Content-Type: application/x; name==?utf-8?Q?set?=\n =?utf-8?Q?up.exe?=",
    **{f"word B {n}": f'Content-Type: a/b; name="{word("x" * n + ".exe")}"' for n in range(4)},
    **{f"word B, {name}": f'Content-Type: a/b; name="{word(name)}"' for name in ("a.EXE", "b.eXe", "cd.Exe")},
    **{f"word B, trailing {n}": f'Content-Type: a/b; name="{word("x" * n + ".exe.")}"' for n in range(3)},
    "word B, bare": f"Content-Type: application/x; name={word('setup.exe')}",
    "word B, no padding": f'Content-Type: application/x; name="{word("s.exe").replace("=?=", "?=")}"',
    "words B": f'Content-Type: application/x; name="{word("für")}\n {word(".exe")}"',
    **{
        f"words B, split {n}": f'Content-Type: a/b; name="{word("ab.exe"[:n])}\n {word("ab.exe"[n:])}"'
        for n in range(1, 6)
    },
}  # fmt: skip

#: None of these names a file that ends in .exe or .tar.gz.
HARMLESS = {
    "another end": 'Content-Disposition: attachment; filename="report.exe.pdf"',
    "another end, bare": "Content-Disposition: attachment; filename=report.exe.pdf",
    "longer": 'Content-Type: application/x; name="a.execute"',
    "shorter": 'Content-Type: application/x; name="a.ex"',
    "no dot": 'Content-Type: application/x; name="annexe"',
    "half of two": 'Content-Type: application/gzip; name="a.gz"',
    "in the middle": 'Content-Disposition: attachment; filename="How to remove setup.exe from a PC.pdf"',
    "pieces, in the middle": 'Content-Type: a/b; name*0="how to "; name*1="run setup.exe twice.pdf"',
    "no name": "Content-Type: text/plain; charset=utf-8",
    "another parameter": 'Content-Type: text/plain; title="setup.exe"',
    "a type": "Content-Type: application/x.exe; name=a.txt",
    "RFC 2231": "Content-Disposition: attachment; filename*=utf-8''setup.exe.txt",
    "RFC 2231, encoded": "Content-Disposition: attachment; filename*=utf-8''setup%2Eexe%2Etxt",
    "pieces": 'Content-Disposition: attachment; filename*0="setup.exe"; filename*1=".pdf"',
    "pieces, bare": "Content-Disposition: attachment; filename*0=setup.exe; filename*1=.pdf",
    "pieces, folded": 'Content-Type: a/b;\n\tname*0="setup.exe";\n\tname*1=".pdf"',
    "pieces, charset": "Content-Type: a/b; name*0*=utf-8''setup.; name*1*=exe; name*2*=.pdf",
    "word Q": 'Content-Type: application/x; name="=?utf-8?Q?setup.exe.pdf?="',
    "words Q": 'Content-Type: application/x; name="=?utf-8?Q?setup.exe?=\n =?utf-8?Q?.pdf?="',
    **{f"word B {n}": f'Content-Type: a/b; name="{word("x" * n + ".exe.pdf")}"' for n in range(3)},
    "words B": f'Content-Type: application/x; name="{word("setup.exe")}\n {word(".pdf")}"',
    "word B, base64 that reads so": 'Content-Type: a/b; name="=?utf-8?B?LmV4ZQAA?="',
    "another header": 'Content-Description: attachment; filename="setup.exe"',
    "multipart": 'Content-Type: multipart/mixed; boundary="name=setup.exe"',
}  # fmt: skip
