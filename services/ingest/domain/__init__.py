"""What an insurer may publish: pure rules, in integers and calendar days."""
