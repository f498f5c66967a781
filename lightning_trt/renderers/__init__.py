"""Report to text: pure functions, one format a file."""
