"""What the codes of clinical documents mean: the published nomenclatures, as data."""

from shared.terminology.tables import (
    DocumentType,
    Term,
    author_specialty,
    class_label,
    class_of,
    confidentiality,
    document_type,
    facility_type,
    format_of_media_type,
    format_of_template,
    practice_setting,
)

__all__ = [
    "DocumentType",
    "Term",
    "author_specialty",
    "class_label",
    "class_of",
    "confidentiality",
    "document_type",
    "facility_type",
    "format_of_media_type",
    "format_of_template",
    "practice_setting",
]
