"""What the analysis reads from its environment."""

from dataclasses import dataclass

from penstock_ast.decide import AnalysisLimits
from penstock_runtime import parsers
from penstock_runtime.settings import setting


@dataclass(frozen=True, slots=True)
class AstSettings:
    workers: int = setting(
        "PENSTOCK_AST_WORKERS", parsers.whole(1, 256), 2, about="processes that analyse files beside each other"
    )
    file_seconds: float = setting(
        "PENSTOCK_AST_FILE_TIMEOUT", parsers.duration("100ms"), 10.0, about="how long one file may be analysed"
    )
    file_bytes: int = setting(
        "PENSTOCK_AST_FILE_SIZE", parsers.size, 512 * 1024, about="the largest file that is analysed"
    )

    @property
    def limits(self) -> AnalysisLimits:
        return AnalysisLimits(file_bytes=self.file_bytes)
