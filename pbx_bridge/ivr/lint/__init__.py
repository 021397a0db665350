"""What is wrong with a flow, before a caller meets it. Pure but for files.py, which reads them."""
