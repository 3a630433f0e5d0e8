"""What the routes do, free of HTTP: call `nbprod.api` or start a command, and return plain JSON."""
