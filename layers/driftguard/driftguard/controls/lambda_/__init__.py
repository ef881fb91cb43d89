"""Lambda: functions and layers open to strangers, foreign layers, code replaced."""
