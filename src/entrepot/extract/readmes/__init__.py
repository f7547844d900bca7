"""READMEs of strangers as HTML that can do no harm."""
