"""What two services or more need; it imports no service and, identity apart, knows no business rule."""
