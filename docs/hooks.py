"""What MkDocs does beyond its configuration: files of the repository outside of docs/ that pages link to.

On the repository's pages ``../CHANGELOG.md`` is a file beside docs/; a site has nothing there. Pages of the root become
pages of the site; a source file is copied into ``source/``; a link to a folder becomes its text. A link to something
that does not exist stays as it is, so that the strict build fails.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
ROOT_PAGES = {f"{name}.md": f"{name.lower()}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY")}
ROOT_PAGES |= {"README.md": "index.md"}
_LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(\.\./([^)#\s]*)(#[^)\s]*)?\)")
_FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_LIST_AFTER_TEXT = re.compile(r"^([^\s*|>#-].*)\n(?=(?:\*|-|\d+\.) )", re.MULTILINE)
_CELL = re.compile(r"<(t[hd])\b[^>]*>.*?</\1>", re.DOTALL)
_CODE = re.compile(r"(?<=<code>)[^<]+(?=</code>)")
_PART = re.compile(r"[/._:=,](?=\w)")
_FROM_ROOT = re.compile(r"\]\((?:docs/)?([^):#\s]+)(?=[)#])")


def on_files(files: Files, config: Any) -> Files:
    """Add the root's pages, and the files that pages link to."""
    for name, page in ROOT_PAGES.items():
        if page != "index.md":
            text = _FROM_ROOT.sub(_in_site, (ROOT / name).read_text(encoding="utf-8"))
            files.append(File.generated(config, page, content=text))
    linked = {
        path
        for page in files.documentation_pages()
        if page.abs_src_path
        for _, path, _ in _LINK.findall(Path(page.abs_src_path).read_text(encoding="utf-8"))
        if path not in ROOT_PAGES and (ROOT / path).is_file()
    }
    for path in sorted(linked):
        files.append(File.generated(config, f"source/{path}.txt", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Point links that leave docs/ at where their files are in the site, and begin a list as the repository's pages do.

    Python-Markdown begins a list below a paragraph only after an empty line.
    """
    parts = _FENCED.split(_LINK.sub(_moved, markdown))
    parts[::2] = [_LIST_AFTER_TEXT.sub(_parted, part) for part in parts[::2]]
    return "".join(parts)


def on_page_content(html: str, **_: Any) -> str:
    """Allow a name in a table to break behind its parts: a narrow screen shows the columns beside it, too."""
    return _CELL.sub(lambda cell: _CODE.sub(_breakable, cell[0]), html)


def _breakable(code: re.Match[str]) -> str:
    return _PART.sub(r"\g<0><wbr>", code[0])


def _parted(line: re.Match[str]) -> str:
    # an item of a numbered list that goes on is no paragraph
    return line[0] if re.match(r"\d+\. ", line[1]) else f"{line[1]}\n\n"


def _moved(link: re.Match[str]) -> str:
    text, path, anchor = link[1], link[2], link[3] or ""
    if path in ROOT_PAGES:
        # README.md's sections are elsewhere in the site
        return f"[{text}]({ROOT_PAGES[path]}{'' if path == 'README.md' else anchor})"
    if (ROOT / path).is_file():
        return f"[{text}](source/{path}.txt)"
    return text if (ROOT / path).is_dir() else link[0]


def _in_site(link: re.Match[str]) -> str:
    return f"]({ROOT_PAGES.get(link[1], link[1])}"
