"""What people and programs talk to: command line, magics, Jupyter server, widgets. They parse, call `nbprod.api`, render."""
