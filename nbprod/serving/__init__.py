"""The server of a model; it ships alone in the image and imports nothing else of nbprod."""
