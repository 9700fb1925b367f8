# The manual as a site, from the pages of this folder: scripts/docs builds it. Everything that it needs is in Debian's
# packages, and what comes out needs no network: its search works from files, too.
import os
import pathlib
import re

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import inherit
from pygments.lexers import get_lexer_for_filename
from pygments.lexers.javascript import JavascriptLexer
from pygments.lexers.scripting import LuaLexer
from pygments.lexers.special import TextLexer
from pygments.token import Punctuation
from pygments.util import ClassNotFound
from sphinx.addnodes import download_reference, pending_xref

docs = pathlib.Path(__file__).resolve().parent
root = docs.parent
project = "Kalua"
author = "the Kalua authors"
copyright = author
version = release = re.search(r"project\(\s*kalua\s+VERSION\s+([0-9.]+)", (root / "CMakeLists.txt").read_text()).group(1)

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["generate"]
root_doc = "index"
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
highlight_language = "none"
smartquotes = False
# The languages that Sphinx also looks names up in take long, and have none of ours.
myst_ref_domains = ["std"]
suppress_warnings = ["myst.header"]

html_theme = "furo"
html_title = f"Kalua {version}"
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
html_use_index = False
html_static_path = ["site"]
html_css_files = ["manual.css"]
html_js_files = ["manual.js"]


class Lua(LuaLexer):
    """Lua as it stands in pages: what a snippet leaves out is an ellipsis."""

    tokens = {"base": [(r"…", Punctuation), inherit]}


class JavaScript(JavascriptLexer):
    """Behind an arrow a slash begins a regular expression."""

    tokens = {"root": [(r"=>", Punctuation, "slashstartsregex"), inherit]}


# ---- files outside of this folder that pages link to: each gets a page that shows it ----

LINK = re.compile(r"\]\((\.\./[^)#\s]+)")


def outside(page, target):
    """The file in the project that a link of a page means, or None where that is a page of the manual or not there."""
    path = pathlib.Path(os.path.normpath(docs / page.parent / target.split("#")[0]))
    inside = docs in path.parents or root not in path.parents
    return None if inside or not path.is_file() else path.relative_to(root)


def to_shown_files(app, doctree):
    page = pathlib.PurePosixPath(app.env.docname)
    for kind in (pending_xref, download_reference):
        for link in list(doctree.findall(kind)):
            path = outside(page, link["reftarget"]) if link.get("reftype") == "myst" else None
            if path:
                up = "../" * (len(page.parts) - 1)
                uri = f"{up}source/{path.as_posix()}.html"
                link.replace_self(nodes.reference("", "", *link.children, refuri=uri, internal=True))


def shown_files(app):
    found = set()
    for name in app.env.found_docs:
        page = pathlib.PurePosixPath(name)
        for target in LINK.findall((docs / f"{name}.md").read_text()):
            found.add(outside(page, target))
    for path in sorted(found - {None}):
        try:
            lexer = Lua() if path.suffix == ".lua" else get_lexer_for_filename(path.name)
        except ClassNotFound:
            lexer = TextLexer()
        shown = highlight((root / path).read_text(), lexer, HtmlFormatter())
        context = {"title": path.name, "body": f"<h1>{path.as_posix()}</h1>{shown}"}
        yield f"source/{path.as_posix()}", context, "page.html"


# ---- the theme as Debian packs it, mended ----


def without_broken_script(app, page, template, context, doctree):
    """Its script is a module that is loaded as none, and from files it could not be one: it only follows scrolling."""
    context["script_files"] = [s for s in context.get("script_files", []) if "scripts/furo.js" not in str(s)]


def without_outside_style(app, exception):
    """It asks the server for a style sheet of Debian's; what we need of that is in manual.css."""
    style = pathlib.Path(app.outdir) / "_static" / "styles" / "furo.css"
    if exception is None and style.is_file():
        style.write_text(re.sub(r"^@import url\(/[^)]*\);\s*", "", style.read_text()))


def setup(app):
    app.add_lexer("lua", Lua)
    app.add_lexer("js", JavaScript)
    app.connect("doctree-read", to_shown_files, priority=100)
    app.connect("html-collect-pages", shown_files)
    app.connect("html-page-context", without_broken_script, priority=900)
    app.connect("build-finished", without_outside_style)
