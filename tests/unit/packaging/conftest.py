from __future__ import annotations

from model_fixtures import models as models
