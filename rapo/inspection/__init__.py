"""What is wrong with preference data for direct alignment: one lens a subject, findings, a page."""
