"""A paper that takes over a report's tables, figures and references as they are."""

import re
import shutil
import subprocess

import pytest

LATEX = [shutil.which("pdflatex"), shutil.which("bibtex")]

DOCUMENT = r"""
\documentclass{article}
\usepackage[width=7.1in,height=9.5in]{geometry}
\usepackage{booktabs,graphicx}
\begin{document}
%(figures)s
\input{tables/tables.tex}
\nocite{*}
\bibliographystyle{plain}
\bibliography{references}
\end{document}
"""


@pytest.mark.skipif(None in LATEX, reason="no LaTeX is here")
def test_a_document_with_every_table_figure_and_reference_compiles(make_frame, details, pictures, write, tmp_path):
    frame = make_frame(models=("model A", "model B", "100% of #3_$"), labels=(10.0, 100.0), groups=12)
    report = write(frame, details, tmp_path, pictures)
    figures = [path.relative_to(tmp_path) for path in report.files.figures if path.suffix == ".pdf"]
    assert len(figures) >= 8
    shown = "\n".join(rf"\begin{{figure}}\includegraphics{{{path}}}\caption{{.}}\end{{figure}}" for path in figures)
    (tmp_path / "paper.tex").write_text(DOCUMENT % {"figures": shown}, encoding="utf-8")
    for command in (["pdflatex"], ["bibtex"], ["pdflatex"]):
        options = ["-interaction=nonstopmode", "-halt-on-error"] if command == ["pdflatex"] else []
        done = subprocess.run([*command, *options, "paper"], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:]
    log = (tmp_path / "paper.log").read_text(encoding="latin-1")
    too_wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)", log)]
    assert max(too_wide, default=0) < 10
    assert "undefined" not in log
    assert "Missing character" not in log
    bibliography = (tmp_path / "paper.bbl").read_text(encoding="utf-8")
    assert bibliography.count(r"\bibitem") == (tmp_path / "references.bib").read_text(encoding="utf-8").count("\n@") + 1
