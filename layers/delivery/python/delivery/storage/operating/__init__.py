"""What operators read and do: every list is a range of one index, and every action leaves a line in the audit."""
