"""What the page about a run looks like, and the one way in which text gets into it.

The page loads nothing and runs nothing: its policy (CSP) allows the one style sheet below, by its hash, and no more.
"""

from __future__ import annotations

import base64
import hashlib
import html
from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--ink:#1c1f24;--soft:#5b6470;--line:#d9dee5;--paper:#fff;--card:#f6f8fa;--allow:#1a7f37;
--deny:#c62828;--ask:#9a6700;--run:#0b62c4;--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa4b1;--line:#333a44;--paper:#14171c;--card:#1c2129;
--allow:#57c374;--deny:#ff7b72;--ask:#e3b341;--run:#79b8ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 4rem;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .25rem}
h2{font-size:1.1rem;margin:2rem 0 .5rem}
p{margin:.25rem 0}
code,pre{font-family:var(--mono);font-size:.85em}
pre{margin:.5rem 0 0;padding:.6rem;background:var(--paper);border:1px solid var(--line);border-radius:6px;
white-space:pre-wrap;overflow-wrap:anywhere}
.soft{color:var(--soft);font-size:.9rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.8rem 1rem}
.bad{border-color:var(--deny);border-width:2px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:0}
dt{color:var(--soft)}dd{margin:0;min-width:0}
.sums{display:flex;flex-wrap:wrap;gap:.5rem;margin:1rem 0;padding:0;list-style:none}
.sums li{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.4rem .9rem}
.sums b{display:block;font-size:1.3rem;line-height:1.2}
svg{display:block;width:100%;height:auto;background:var(--card);border:1px solid var(--line);border-radius:10px}
.f-allow{fill:var(--allow)}.f-deny{fill:var(--deny)}.f-ask{fill:var(--ask)}.f-run{fill:var(--run)}
.allow{color:var(--allow)}.deny{color:var(--deny)}.ask{color:var(--ask)}.run{color:var(--run)}
.chip{display:inline-block;border:1px solid currentColor;border-radius:99px;padding:0 .55rem;font-size:.8rem;
font-weight:600;white-space:nowrap}
ol.acts{list-style:none;margin:.5rem 0 0;padding:0 0 0 .8rem;border-left:2px solid var(--line)}
ol.acts>li{margin:.6rem 0;padding:.5rem .7rem;background:var(--card);border:1px solid var(--line);border-radius:10px}
.head{display:flex;flex-wrap:wrap;gap:.2rem .6rem;align-items:baseline}
.head .at{margin-left:auto;color:var(--soft);font-size:.8rem;font-family:var(--mono)}
.name{font-weight:600;font-family:var(--mono)}
details{margin-top:.3rem}summary{cursor:pointer;color:var(--soft);font-size:.9rem}
details.tree>summary{color:var(--run);font-weight:600}
@media (max-width:32rem){dl{grid-template-columns:1fr}dt{margin-top:.4rem}ol.acts{padding-left:.4rem}
.head .at{margin-left:0;width:100%}}
@media print{details>summary{list-style:none}.card,ol.acts>li{break-inside:avoid}}
"""

_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

POLICY: Final = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"


def text(value: object) -> str:
    """Any text as text: markup is escaped, and what cannot be seen or turns the direction of writing is spelt out."""
    # SECURITY: agents choose most of what stands on the page.
    visible = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in str(value))
    return html.escape(visible, quote=True)


def head(title: str) -> str:
    """Everything up to the page's content. The title is any text."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(POLICY, quote=True)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="robots" content="noindex">\n'
        f"<title>{text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
    )


TAIL: Final = "</main>\n</body>\n</html>\n"
