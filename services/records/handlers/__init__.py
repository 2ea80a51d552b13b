"""What records does: with what it hears, with what people ask of it, with what time starts."""

from services.records.handlers.registrations import register_accounts
from services.records.handlers.reimbursements import store_reimbursements

__all__ = ["register_accounts", "store_reimbursements"]
