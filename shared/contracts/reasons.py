"""Why an event did not take effect: every stable code, and what it means to the one who reads it.

The only place that lists them. A code is never renamed and never gets another meaning.
"""

from collections.abc import Mapping
from typing import Final

MESSAGE: Final[Mapping[str, str]] = {
    "content-type": "The message is neither a CloudEvents event nor a batch of them.",
    "message-too-large": "The message is larger than 1 MiB.",
    "json-malformed": "The message is not JSON.",
    "json-duplicate-key": "An object holds the same key twice.",
    "batch-malformed": "The batch is not a list of events, or is empty.",
    "batch-too-long": "The batch holds more than 200 events.",
    "number-negative-zero": "A number is -0.",
    "number-not-finite": "A number is NaN or infinite.",
    "number-not-integer": "A number has a fraction or an exponent.",
    "number-too-large": "A number has more than 19 digits.",
    "text-not-unicode": "A text or a key is not valid Unicode.",
    "erased": "The event was kept sealed, and the key was destroyed since.",
    "seal-broken": "The event was kept sealed, and its box was altered or moved since.",
}
"""What makes a message or a value unreadable."""

ADMISSION: Final[Mapping[str, str]] = {
    "publisher-unauthenticated": "The broker did not vouch for the publisher.",
    "publisher-unknown": "The publisher is not in the table of insurers.",
    "source-foreign": "The source is not the publisher's own.",
    "envelope-invalid": "The event is not a CloudEvents 1.0 envelope.",
    "type-unknown": "No such event type or version is known here.",
    "type-mismatch": "The event's type differs from the routing key it came by.",
    "id-personal": "An id holds the number of the person it is about; ids travel in clear.",
    "id-reuse": "The id was used before for another content.",
    "field-missing": "A field is missing.",
    "field-unknown": "A field is not in the contract.",
    "field-type": "A field has the wrong type.",
    "field-range": "A field is too long, too short or outside the values allowed.",
    "field-format": "A field does not have the form that the contract gives.",
    "date-invalid": "A date or an instant does not exist or is not written as ISO 8601.",
    "contract-violated": "An event of one of Carnet's own services does not keep its contract.",
}
"""What stops an event at the door."""

RULES: Final[Mapping[str, str]] = {
    "id-mismatch": "The event's id is not its flux and line.",
    "ins-oid": "The OID is not one of an INS.",
    "ins-legacy-oid": "The OID is that of a calculated identifier which the INS has replaced.",
    "ins-test-oid": "A test identity was sent to production.",
    "ins-length": "The INS does not have 15 characters.",
    "ins-format": "The INS does not have the form of a NIR.",
    "ins-key": "The key of the INS is wrong.",
    "holder-nir-invalid": "The number of the insurance's holder does not have the form of one.",
    "ps-id-invalid": "The number of a professional or of a structure is wrong.",
    "regime-mismatch": "The regime is not the insurer's.",
    "caisse-mismatch": "The fund is not one of the insurer's.",
    "act-code-invalid": "The act's code does not have the form of its nomenclature.",
    "date-future": "A day lies in the future.",
    "date-order": "Two days are in the wrong order.",
    "amount-negative": "An amount is negative outside a reversal or a deduction.",
    "amount-sign": "A reversal or a deduction has an amount of the wrong sign.",
    "amount-inconsistent": "The amounts contradict one another by more than a cent.",
    "reversal-target": "A reversal names no other line by its id.",
}
"""What a rule refuses."""

DOCUMENTS: Final[Mapping[str, str]] = {
    "xml-too-large": "The document is larger than this installation takes.",
    "xml-encoding": "The document is not UTF-8, or says that it is something else.",
    "xml-dtd": "The document has a document type declaration.",
    "xml-malformed": "The document is not well-formed XML.",
    "xml-too-deep": "The document's elements are nested too deeply.",
    "xml-too-costly": "Reading the document takes more time, memory or markup than a document may.",
    "cda-root": "The document's root is not a ClinicalDocument of CDA R2.",
    "patient-missing": "The document names no patient by an INS.",
    "patient-several": "The document names more than one patient.",
    "patient-mismatch": "The document is about another person than the one it is deposited for.",
    "document-type-unknown": "The document's type is not one of the DMP.",
    "title-too-long": "The document's title has more than 255 characters.",
    "language-refused": "The document's language is not fr-FR.",
    "body-missing": "The document has no body, or an empty one.",
    "body-base64": "The document's unstructured body is not base64.",
    "body-too-large": "The file inside the document is larger than this installation takes.",
    "format-refused": "The file inside the document has a format that is not allowed, or is not what it claims to be.",
    "file-active": "The file inside the document runs, opens or sends something, or carries other files.",
    "file-encrypted": "The file inside the document is encrypted.",
    "record-unavailable": "There is no open record for the person of the document.",
    "document-conflict": "The document's id was used before, for another document or other hidings.",
    "confidentiality-combination": "A document cannot be hidden from its patient and from professionals at once.",
}
"""What stops a clinical document, besides the fields, dates and identities that stop an event."""

DOUBTS: Final[Mapping[str, str]] = {
    "identity-not-qualified": "Only a qualified identity may carry an INS.",
    "traits-mismatch": "The INS is known with other strict traits.",
    "ins-unknown": "Nobody is registered under this INS.",
}
"""What a person has to look at."""

NOT_YET: Final[Mapping[str, str]] = {
    "account-unknown": "The account that the event belongs to has not arrived yet.",
    "notice-unknown": "No such notice of this person was asked for.",
    "failed": "Processing failed; the fingerprint says where.",
    "process-killer": "Its process ended each time it was taken up; it was set aside without another try.",
}
"""What waits, and is parked if waiting does not help."""

IGNORED: Final[Mapping[str, str]] = {
    "minor-secret": "Care that a minor keeps secret: the line is not kept.",
    "version-superseded": "A later version of the same registration or account was applied before.",
    "line-known": "The line is in the record already.",
    "document-known": "The document is in the record already.",
    "older-than-24-months": "Care older than 24 months is not shown in a record.",
    "notice-reported": "This of the notice was reported before, or something that counts more.",
    "deposit-ended": "The deposit's fate was known before, or nobody here took it.",
    "account-not-open": "The record is not open yet.",
    "account-opposed": "The person opposed the record.",
    "account-suspended": "The record is suspended.",
    "account-closed": "The record is closed.",
    "account-deleted": "The record was deleted.",
}
"""What the rules want without effect."""

REASONS: Final[Mapping[str, str]] = {
    **MESSAGE,
    **ADMISSION,
    **RULES,
    **DOCUMENTS,
    **DOUBTS,
    **NOT_YET,
    **IGNORED,
}
