"""Services of the company's own: any that speak HTTP and JSON, asked and told by flows. What they say is foreign."""
