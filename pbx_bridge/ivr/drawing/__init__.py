"""A flow as a picture: what is drawn (graph), where it stands (layout), how it looks (svg, mermaid). Pure."""
