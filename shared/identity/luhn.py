"""The Luhn check digit, which guards RPPS and FINESS numbers."""


def luhn_valid(digits: str) -> bool:
    """Tell whether the last of ``digits`` is the check digit of the others."""
    return _luhn_sum(digits) % 10 == 0


def luhn_digit(digits: str) -> str:
    """Return the check digit to write after ``digits``."""
    return str(-_luhn_sum(digits + "0") % 10)


def _luhn_sum(digits: str) -> int:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return sum(int(digit) for digit in digits[::-2]) + sum(doubled)
