"""The papers' statements as an executable table: each an inequality that could come out either way."""
