"""What looks wrong in what was captured, or can move numbers: a finding for each."""
