"""What people and programs talk to: they parse, call `nbprod.api` and render; no logic here."""
