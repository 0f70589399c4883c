"""Server-side SVG drawings, the same on pages and in the PDF: no script, no outside file, deterministic.

Every shape carries presentation attributes (WeasyPrint ignores a page's CSS inside SVG). With ``theme="css"`` it also
carries classes ``dr-…``, which ``evidence/drawings.css`` colours by the page's own light and dark variables.
"""

from compliance.evidence.drawings.lineage import Edge, Node, lineage_svg, mark_svg
from compliance.evidence.drawings.rates import RateRow, rates_svg
from compliance.evidence.drawings.timeline import Mark, timeline_svg

__all__ = ["Edge", "Mark", "Node", "RateRow", "lineage_svg", "mark_svg", "rates_svg", "timeline_svg"]
